import { ConfigurationError } from "@lovage/core/contracts";
import type { NatsConnection } from "./connection/nats-port.ts";

/** Where the server is and who we are: what a client of NATS is usually told. */
export interface NatsConnectOptions {
  /** One or several servers of one cluster, `nats://host:4222` or `tls://…`. Default `nats://127.0.0.1:4222`. Those of the cluster that are not named are learnt. */
  readonly servers?: string | readonly string[];
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /**
   * Contents of a credentials file (user JWT and seed). As a function it is asked whenever a connection is made or made anew, so credentials
   * that were renewed in time, or even too late, are taken up without a restart.
   */
  readonly credentials?: string | (() => string);
  /** Seed of a user's nkey, `SU…`. */
  readonly nkeySeed?: string;
  /** PEM files or contents. `true`, or a `tls://` server, asks for TLS with the system's authorities. */
  readonly tls?: boolean | NatsTlsOptions;
}

export interface NatsTlsOptions {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Options of the broker and of the result store. Each is explained by what changes when you turn it. */
export interface NatsOptions extends NatsConnectOptions {
  /**
   * A connection of your own, of `@nats-io/transport-node` 3.x or of `nats` 2.x, used in place of one made here and left open; or a function
   * that makes one, called at `connect()` until it succeeds, whose connection is closed here. Give it `maxReconnectAttempts: -1`: one that
   * gives up is gone for this broker too. Everything about servers and credentials is then yours.
   */
  readonly connection?: NatsConnection | (() => Promise<NatsConnection>);
  /** Prefix of all streams, buckets and subjects; whoever shares it shares the queues. 1 to 32 of `A–Z a–z 0–9 _ -`. Default `lovage`. */
  readonly namespace?: string;
  /** JetStream domain, for leaf nodes and hubs. */
  readonly domain?: string;
  /** Prefix of the JetStream API where it is imported from another account. Default `$JS.API`. Not together with `domain`. */
  readonly apiPrefix?: string;
  /** Prefix of inboxes, where permissions ask for one of one's own. Default `_INBOX`. */
  readonly inboxPrefix?: string;
  /**
   * In how many copies new streams are kept: 1, 3 or 5. Default 1. One copy is lost with its server's disk, and may lose its last two
   * minutes in a power cut (`sync_interval`); three need a cluster and survive one server. For streams that exist: `nats stream edit`.
   */
  readonly replicas?: number;
  /** Where in a cluster new streams are kept. */
  readonly placement?: { readonly cluster?: string; readonly tags?: readonly string[] };
  /** The server is asked this often whether it is still there, in ms; a connection that has gone silent is made anew after two of these. Default 10,000. */
  readonly heartbeatMs?: number;
  /** How long an operation may take, in ms. Default 10,000. Settlements are tried until they succeed. */
  readonly operationTimeoutMs?: number;
}

export interface NatsBrokerOptions extends NatsOptions {
  /**
   * How many bands the priorities are divided into, 1 to 10. Default 1: priorities are ignored and a queue is first in first out, at the
   * least cost. More: messages of a higher band come first on average; every idle worker then asks each band in turn. Once a queue has
   * more bands they stay.
   */
  readonly bands?: number;
  /** For how long a second publish of an id is recognised, in ms. Default 5 minutes. The server keeps that many ids in memory. */
  readonly dedupeWindowMs?: number;
  /** The most bytes that a new queue may hold; more is refused with `BrokerFullError`. Default: as much as the account may. */
  readonly maxBytes?: number;
  /** The clock that due times are compared with: ms since the epoch. For tests. Default `Date.now`. */
  readonly now?: () => number;
}

export interface NatsResultsOptions extends NatsOptions {}

/** Checked, and with defaults. */
export interface Settings {
  readonly connect: NatsConnectOptions;
  readonly connection: NatsOptions["connection"];
  readonly namespace: string;
  readonly apiPrefix: string;
  readonly inboxPrefix: string;
  readonly replicas: number;
  readonly placement: NatsOptions["placement"];
  readonly operationTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly bands: number;
  readonly dedupeWindowMs: number;
  readonly maxBytes: number;
  readonly now: () => number;
}

const DEFAULT_OPERATION_TIMEOUT_MS = 10_000;
const DEFAULT_HEARTBEAT_MS = 10_000;
const DEFAULT_DEDUPE_WINDOW_MS = 5 * 60_000;

/** Throws `ConfigurationError` for what cannot work. */
export function settingsOf(options: NatsBrokerOptions): Settings {
  const { connection, namespace = "lovage", domain, apiPrefix, inboxPrefix = "_INBOX", replicas = 1 } = options;
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(namespace)) {
    throw wrong("namespace", namespace, "use 1 to 32 characters of A–Z a–z 0–9 _ -");
  }
  if (domain !== undefined && apiPrefix !== undefined) {
    throw new ConfigurationError("domain and apiPrefix both say where the JetStream API is; give one of them");
  }
  if (![1, 3, 5].includes(replicas)) throw wrong("replicas", replicas, "use 1, 3 or 5");
  return {
    connect: options,
    connection,
    namespace,
    apiPrefix: domain === undefined ? (apiPrefix ?? "$JS.API").replace(/\.$/, "") : `$JS.${domain}.API`,
    inboxPrefix,
    replicas,
    placement: options.placement,
    operationTimeoutMs: whole("operationTimeoutMs", options.operationTimeoutMs ?? DEFAULT_OPERATION_TIMEOUT_MS, 1),
    heartbeatMs: whole("heartbeatMs", options.heartbeatMs ?? DEFAULT_HEARTBEAT_MS, 100),
    bands: whole("bands", options.bands ?? 1, 1, 10),
    dedupeWindowMs: whole("dedupeWindowMs", options.dedupeWindowMs ?? DEFAULT_DEDUPE_WINDOW_MS, 1_000),
    maxBytes: options.maxBytes === undefined ? -1 : whole("maxBytes", options.maxBytes, 1_024),
    now: options.now ?? Date.now,
  };
}

function whole(option: string, value: number, least: number, most: number = Number.MAX_SAFE_INTEGER): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  throw wrong(option, value, `give a whole number ${range}`);
}

function wrong(option: string, value: unknown, fix: string): ConfigurationError {
  return new ConfigurationError(`${option} is ${String(value)}; ${fix}`, { subject: { option } });
}
