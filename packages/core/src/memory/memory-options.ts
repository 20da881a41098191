import { ConfigurationError } from "../contracts/index.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { MemoryServer } from "./memory-server.ts";

export interface MemoryServerOptions {
  /** For people: `memory:<name>`. Default `local`. */
  readonly name?: string;
  /** Time of leases, delays, retention and results. Default the system's. */
  readonly clock?: Clock;
  /** Messages present at most, dead letters included; further ones are refused with `BrokerFullError`, nothing is evicted. Default no limit but memory. */
  readonly maxMessages?: number;
  /** Largest body accepted, in bytes. Default 16 MiB. */
  readonly maxMessageBytes?: number;
}

export interface MemoryBrokerOptions extends MemoryServerOptions {
  /** Share this server with others of the process; its own options hold then. Default: a server of its own. */
  readonly server?: MemoryServer;
}

export interface MemoryResultsOptions {
  /** Share the records of this server. Default: records of its own. */
  readonly server?: MemoryServer;
  /** Time of expiry. Default the system's, or the server's. */
  readonly clock?: Clock;
}

const DEFAULT_MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

export function memoryServerSettings(options: MemoryServerOptions): Required<MemoryServerOptions> {
  const settings = {
    name: options.name ?? "local",
    clock: options.clock ?? systemClock,
    maxMessages: options.maxMessages ?? Number.POSITIVE_INFINITY,
    maxMessageBytes: options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
  };
  for (const limit of ["maxMessages", "maxMessageBytes"] as const) {
    if (settings[limit] >= 1) continue;
    throw new ConfigurationError(`memory broker: ${limit} is ${settings[limit]}; give a number of at least 1`);
  }
  return settings;
}
