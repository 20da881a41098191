/** Real brokers for tests and benchmarks. */

export { type Program, provide } from "./binaries.ts";
export { freePort, freePorts } from "./free-port.ts";
export { NATS, type NatsCluster, type NatsPlace, type NatsServer, startNats, startNatsCluster } from "./nats.ts";
export { type PythonModules, providePython } from "./python.ts";
export {
  RABBITMQ,
  type RabbitMqCluster,
  type RabbitMqOptions,
  type RabbitMqServer,
  startRabbitMq,
  startRabbitMqCluster,
} from "./rabbitmq.ts";
export { REDIS, type RedisServer, startRedis } from "./redis.ts";
export { type RedisCluster, startRedisCluster } from "./redis-cluster.ts";
export { type RedisSentinel, startRedisSentinel } from "./redis-sentinel.ts";
export { type ServerCommand, ServerProcess } from "./server-process.ts";
