import type { Broker, ResultStore } from "@lovage/core/contracts";
import { natsResults } from "./control/nats-results.ts";
import { natsBroker } from "./nats-broker.ts";
import { optionsOf } from "./nats-url.ts";

export type { NatsConnection } from "./connection/nats-port.ts";
export { natsResults } from "./control/nats-results.ts";
export { natsBroker } from "./nats-broker.ts";
export type {
  NatsBrokerOptions,
  NatsConnectOptions,
  NatsOptions,
  NatsResultsOptions,
  NatsTlsOptions,
} from "./nats-options.ts";

/** For the command: `--broker nats://…`. */
export function openBroker(url: URL, options: { readonly directory: string }): Broker {
  return natsBroker(optionsOf(url, options.directory));
}

/** For the command: `--results nats://…`. */
export function openResults(url: URL, options: { readonly directory: string }): ResultStore {
  return natsResults(optionsOf(url, options.directory));
}
