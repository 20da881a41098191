import { ConfigurationError } from "@lovage/core/contracts";
import type { Cluster, ClusterOptions, Redis, RedisOptions } from "ioredis";

/** Where Redis is: exactly one of these. */
export type RedisPlace =
  /**
   * `redis://user:password@host:6379/0`, `rediss://` for TLS, `unix` sockets as `redis+unix:/run/redis.sock`; several hosts as
   * `redis+sentinel://host:26379,host/master-name/0` and `redis+cluster://host:6379,host`, with TLS as `rediss+…`. Query: `prefix`, `tls.…`.
   */
  | { readonly url: string | URL }
  /** ioredis's own options of one server or of Sentinels. Settings on which our guarantees rest are overridden. */
  | { readonly redis: RedisOptions }
  /** Some nodes of a cluster, to begin with. */
  | {
      readonly cluster: readonly (string | { readonly host: string; readonly port: number })[];
      readonly options?: ClusterOptions;
    }
  /** A client of yours: connections are made as it makes its own. It is neither used nor closed. */
  | { readonly client: Redis | Cluster };

export type RedisOptionsFor<More> = RedisPlace & RedisCommonOptions & More;

export interface RedisCommonOptions {
  /** What all keys and channels begin with: one prefix is one namespace. Default `lovage`. */
  readonly prefix?: string;
  /** How long an operation may take before it gives up, in ms; for a publish it then is refused or unknown. Default 10,000; at least 100. */
  readonly operationTimeoutMs?: number;
  /**
   * After how long a silence a connection is asked whether the server is still there, in ms: a half-open one is noticed by then, or within
   * another half of `operationTimeoutMs`. Default 10,000; at least 100.
   */
  readonly heartbeatMs?: number;
}

export interface RedisOnlyBrokerOptions {
  /**
   * `replicated`: a publish is accepted when at least `replicas` replicas have it as well (WAIT), else unknown. A failover then loses less, not
   * nothing: Redis may promote another replica. Costs a round trip to the replica. Default `default`: as durable as the server's own settings.
   */
  readonly durability?: "default" | "replicated";
  /** For `replicated`. Default 1. */
  readonly replicas?: number;
  /** The largest body accepted, in bytes. Default 16 MiB: a larger one holds the server, which does one thing at a time. */
  readonly maxMessageBytes?: number;
  /** The clock that due times are compared with: ms since the epoch. For tests. Default `Date.now`. */
  readonly now?: () => number;
}

export type RedisBrokerOptions = RedisOptionsFor<RedisOnlyBrokerOptions>;
export type RedisResultsOptions = RedisOptionsFor<unknown>;

export const DEFAULT_PREFIX = "lovage";
const DEFAULT_OPERATION_TIMEOUT_MS = 10_000;
const DEFAULT_HEARTBEAT_MS = 10_000;
export const DEFAULT_MAX_MESSAGE_BYTES: number = 16 * 1024 * 1024;

export interface CommonSettings {
  readonly prefix: string;
  readonly operationTimeoutMs: number;
  readonly heartbeatMs: number;
}

/** Throws `ConfigurationError` for what cannot work. */
export function commonSettings(options: RedisCommonOptions): CommonSettings {
  const { prefix = DEFAULT_PREFIX } = options;
  const { operationTimeoutMs = DEFAULT_OPERATION_TIMEOUT_MS, heartbeatMs = DEFAULT_HEARTBEAT_MS } = options;
  if (typeof prefix !== "string" || !/^[^\s{}*?[\]]{1,128}$/.test(prefix)) {
    throw new ConfigurationError(
      `prefix "${prefix}" cannot begin keys; use 1 to 128 characters without blanks and {}*?[]`,
      {
        subject: { option: "prefix" },
      },
    );
  }
  return {
    prefix,
    operationTimeoutMs: atLeast(operationTimeoutMs, 100, "operationTimeoutMs"),
    heartbeatMs: atLeast(heartbeatMs, 100, "heartbeatMs"),
  };
}

export function atLeast(value: number, least: number, option: string): number {
  if (Number.isFinite(value) && value >= least) return value;
  throw new ConfigurationError(`${option} is ${value}; give a number of at least ${least}`, { subject: { option } });
}
