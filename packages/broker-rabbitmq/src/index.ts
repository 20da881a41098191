export { rabbitMqBroker } from "./rabbitmq-broker.ts";
export type { RabbitMqBrokerOptions } from "./rabbitmq-options.ts";
export type { QueueType } from "./rabbitmq-topology.ts";
export { openBroker } from "./rabbitmq-url.ts";
