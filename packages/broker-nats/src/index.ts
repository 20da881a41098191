import type { Broker, ResultStore } from "@lovage/core/contracts";
import { natsBroker } from "./nats-broker.ts";
import { natsResults } from "./nats-results.ts";
import { optionsOf } from "./nats-url.ts";

export { natsBroker } from "./nats-broker.ts";
export type {
  NatsBrokerOptions,
  NatsConnectOptions,
  NatsOptions,
  NatsResultsOptions,
  NatsTlsOptions,
} from "./nats-options.ts";
export type { NatsConnection } from "./nats-port.ts";
export { natsResults } from "./nats-results.ts";

/** For the command: `--broker nats://…`. */
export function openBroker(url: URL, options: { readonly directory: string }): Broker {
  return natsBroker(optionsOf(url, options.directory));
}

/** For the command: `--results nats://…`. */
export function openResults(url: URL, options: { readonly directory: string }): ResultStore {
  return natsResults(optionsOf(url, options.directory));
}
