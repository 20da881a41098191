import type { Broker, ResultStore } from "@lovage/core/contracts";
import { redisBroker } from "./redis-broker.ts";
import { redisResults } from "./redis-results.ts";

export { redisBroker } from "./redis-broker.ts";
export { REDIS_CODES } from "./redis-errors.ts";
export type { RedisBrokerOptions, RedisPlace, RedisResultsOptions } from "./redis-options.ts";
export { redisResults } from "./redis-results.ts";

/** What the command `lovage` calls for `--broker redis://…` and the other URLs of Redis. */
export function openBroker(url: URL): Broker {
  return redisBroker({ url });
}

/** As {@link openBroker}, for `--results`. */
export function openResults(url: URL): ResultStore {
  return redisResults({ url });
}
