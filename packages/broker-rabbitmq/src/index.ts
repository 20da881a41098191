export { rabbitMqBroker } from "./rabbitmq-broker.ts";
export type { RabbitMqBrokerOptions, RabbitMqRepliesOptions } from "./rabbitmq-options.ts";
export { rabbitMqReplies } from "./rabbitmq-replies.ts";
export type { QueueType } from "./rabbitmq-topology.ts";
export { openBroker, openResults } from "./rabbitmq-url.ts";
