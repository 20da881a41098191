export type { QueueType } from "./queues/rabbitmq-topology.ts";
export { rabbitMqBroker } from "./rabbitmq-broker.ts";
export type { RabbitMqBrokerOptions, RabbitMqRepliesOptions } from "./rabbitmq-options.ts";
export { openBroker, openResults } from "./rabbitmq-url.ts";
export { rabbitMqReplies } from "./results/rabbitmq-replies.ts";
