/**
 * What a package must export so that the command finds it: the URL scheme `spool:` is served by the package `lovage-broker-spool`,
 * the pool kind `fleet` by `lovage-pool-fleet`. Our own adapters keep to the same contract.
 *
 * ```ts
 * // lovage-broker-spool
 * export const openBroker: BrokerModule["openBroker"] = (url, { directory }) =>
 *   spoolBroker({ folder: path.resolve(directory, decodeURIComponent(url.pathname)) });
 * ```
 */

import type { Broker, Pool, PoolOptions, ResultStore } from "@lovage/core/contracts";

export interface AdapterOptions {
  /** Absolute folder that relative paths in the URL start from. */
  readonly directory: string;
  /** `worker` and `producer` live long; `command` asks one thing and ends, so what costs time to set up is not worth it. */
  readonly purpose: Purpose;
}

export type Purpose = "worker" | "producer" | "command";

export interface BrokerModule {
  /**
   * Makes a broker that is not yet connected; nothing is opened. Throws `ConfigurationError` for a URL that cannot work, and names in
   * it what is legal. The scheme is the one that the package is found by; everything behind it is the adapter's own.
   */
  openBroker(url: URL, options: AdapterOptions): Broker | Promise<Broker>;
  /** The same for a result store at this place; absent where it cannot keep results. A worker without `--results` then has none, and says so; the same where it keeps them for callers only. */
  openResults?(url: URL, options: AdapterOptions): ResultStore | Promise<ResultStore>;
}

export interface PoolModule {
  /** Makes a pool that is not yet started. `options` holds `kind`, and of `size`, `recycle`, `inline` and settings of its own what was given; others are refused with `ConfigurationError`. */
  openPool(options: PoolOptions): Pool | Promise<Pool>;
}
