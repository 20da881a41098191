import { readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { ConfigurationError } from "@lovage/core/contracts";
import { credentials, type Options, type SocketOptions } from "amqplib";
import { DEFAULT_ACK_TIMEOUT_MS } from "./rabbitmq-capabilities.ts";
import type { LayoutOptions, QueueType } from "./rabbitmq-topology.ts";

/** Each option is explained by what changes when you turn it. */
export interface RabbitMqBrokerOptions {
  /** `amqp://user:password@host:5672/vhost`, or `amqps://…`. Several are nodes of one cluster: when one does not answer, the next is tried. */
  readonly url: string | readonly string[];
  /**
   * `quorum` (default): replicated to the nodes of a cluster, safe on their disks before a publish is confirmed; priorities only from
   * RabbitMQ 4.0 on. `classic`: on one node only, strict priorities on every version. A setting of the namespace: all must say the same.
   */
  readonly queueType?: QueueType;
  /** What every name on the server begins with. Default `lovage`. Two prefixes are two worlds on one virtual host. */
  readonly prefix?: string;
  /** How long a publish or a question may take, in ms, before it ends as unknown or unavailable. Default 10,000. Settlements wait for as long as it takes; a new queue takes 1.2 s more. */
  readonly operationTimeoutMs?: number;
  /** A silent connection is given up after two to three times this, in seconds. Default 20. Shorter notices a dead server sooner, and a blocked worker too soon. */
  readonly heartbeatS?: number;
  /** How many published messages may await their confirm at once. Default 1,000. More is faster until the server is busy, and leaves more unknown when it dies. */
  readonly maxUnconfirmed?: number;
  /** A larger body is refused, in bytes. Default 16 MiB, which is also what RabbitMQ 4 allows unless it is told more. */
  readonly maxMessageBytes?: number;
  /**
   * How long a delivery may stay unsettled before the server takes it back, in ms. Default 24 hours. A setting of the namespace like
   * `queueType`. Quorum queues honour it from RabbitMQ 3.12 on. Before, and for classic queues, the server's `consumer_timeout` holds, which
   * cannot be asked for: 30 minutes are assumed unless this option says what it was set to. From 4.3 on classic queues have no such limit.
   */
  readonly ackTimeoutMs?: number;
  /** For `amqps:`: what `tls.connect` takes: `ca`, `cert`, `key`, `servername` … A client certificate without user and password in the URL authenticates by it. */
  readonly tls?: Omit<TlsOptions, "timeout">;
  /** Names the connections in RabbitMQ's management pages. Default `lovage`. */
  readonly name?: string;
}

/** One place to connect to. */
export interface Server {
  readonly connect: Options.Connect;
  readonly socket: SocketOptions;
}

export interface RabbitMqSettings {
  readonly servers: readonly Server[];
  readonly address: string;
  readonly layout: LayoutOptions;
  /** As the user gave it. */
  readonly ackTimeoutMs: number | undefined;
  readonly operationTimeoutMs: number;
  readonly maxUnconfirmed: number;
  readonly maxMessageBytes: number;
}

const DEFAULT_MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const PREFIX = /^[A-Za-z0-9._-]{1,40}$/;

/** Throws `ConfigurationError` for what cannot work. */
export function rabbitMqSettings(options: RabbitMqBrokerOptions): RabbitMqSettings {
  const { queueType = "quorum", prefix = "lovage", heartbeatS = 20, name = "lovage", tls } = options;
  const urls = (typeof options.url === "string" ? [options.url] : options.url).map(parsedUrl);
  const [first] = urls;
  if (first === undefined) throw new ConfigurationError("no URL of a RabbitMQ server is given");
  if (queueType !== "quorum" && queueType !== "classic") {
    throw new ConfigurationError(`queueType is ${String(queueType)}; use "quorum" or "classic"`);
  }
  if (!PREFIX.test(prefix)) {
    throw new ConfigurationError(`prefix is "${prefix}"; use 1 to 40 characters of A–Z a–z 0–9 . _ -`);
  }
  const ackTimeoutMs = atLeast(options.ackTimeoutMs ?? DEFAULT_ACK_TIMEOUT_MS, 60_000, "ackTimeoutMs");
  const heartbeat = atLeast(heartbeatS, 1, "heartbeatS");
  return {
    servers: urls.map((url) => serverAt(url, heartbeat, name, tls)),
    address: `${first.protocol}//${urls.map((url) => url.host).join(",")}${first.pathname === "/" ? "" : first.pathname}`,
    layout: { prefix, queueType, ackTimeoutMs },
    ackTimeoutMs: options.ackTimeoutMs,
    operationTimeoutMs: atLeast(options.operationTimeoutMs ?? 10_000, 1, "operationTimeoutMs"),
    maxUnconfirmed: atLeast(options.maxUnconfirmed ?? 1_000, 1, "maxUnconfirmed"),
    maxMessageBytes: atLeast(options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES, 1, "maxMessageBytes"),
  };
}

const PARAMETERS = "failover, heartbeat, queueType, prefix, ackTimeoutMs, cacertfile, certfile, keyfile, servername";

/**
 * From `amqp://user:password@host:5672/vhost?…`. Parameters: `failover=host2:5672,host3` (further nodes), `heartbeat` (seconds),
 * `queueType`, `prefix`, `ackTimeoutMs`, and for `amqps:` files of `cacertfile`, `certfile`, `keyfile`, and `servername`. Relative files start from
 * `directory`. Throws `ConfigurationError` for others.
 */
export function optionsFromUrl(url: URL, directory: string): RabbitMqBrokerOptions {
  const parameters = new Map(url.searchParams);
  const take = (name: string): string | undefined => {
    const value = parameters.get(name);
    parameters.delete(name);
    return value;
  };
  const number = (name: string): number | undefined => {
    const text = take(name);
    if (text === undefined) return undefined;
    if (/^\d+$/.test(text)) return Number(text);
    throw new ConfigurationError(`the URL's ${name} is "${text}"; give a whole number`);
  };
  const file = (name: string): Buffer | undefined => {
    const path = take(name);
    if (path === undefined) return undefined;
    try {
      return readFileSync(isAbsolute(path) ? path : join(directory, path));
    } catch (cause) {
      throw new ConfigurationError(`the URL's ${name} cannot be read: ${(cause as Error).message}`, { cause });
    }
  };
  const bare = new URL(url);
  bare.search = "";
  const more = (take("failover") ?? "").split(",").filter((host) => host !== "");
  const nodes = more.map((host) => {
    const node = new URL(bare);
    node.host = host;
    // A host without a port keeps the first one's otherwise.
    if (!/:\d+$/.test(host)) node.port = "";
    return node.href;
  });
  const ca = file("cacertfile");
  const cert = file("certfile");
  const key = file("keyfile");
  const servername = take("servername");
  const tls = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }), ...(servername && { servername }) };
  const heartbeatS = number("heartbeat");
  const queueType = take("queueType") as QueueType | undefined;
  const prefix = take("prefix");
  const ackTimeoutMs = number("ackTimeoutMs");
  const [unknown] = parameters.keys();
  if (unknown !== undefined)
    throw new ConfigurationError(`the URL's parameter "${unknown}" is unknown; legal are ${PARAMETERS}`);
  return {
    url: [bare.href, ...nodes],
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    ...(heartbeatS === undefined ? {} : { heartbeatS }),
    ...(queueType === undefined ? {} : { queueType }),
    ...(prefix === undefined ? {} : { prefix }),
    ...(ackTimeoutMs === undefined ? {} : { ackTimeoutMs }),
  };
}

function parsedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^amqps?:$/.test(url.protocol) && url.hostname !== "") return url;
  throw new ConfigurationError(
    "the URL of RabbitMQ is not valid; write amqp://user:password@host:5672/vhost, with special characters percent-encoded",
  );
}

function serverAt(url: URL, heartbeat: number, name: string, tls: Omit<TlsOptions, "timeout"> = {}): Server {
  const secure = url.protocol === "amqps:";
  const byCertificate = secure && tls.cert !== undefined && url.username === "";
  const user = decodeURIComponent(url.username) || "guest";
  const password = decodeURIComponent(url.password) || (url.username === "" ? "guest" : "");
  return {
    connect: {
      protocol: secure ? "amqps" : "amqp",
      hostname: url.hostname.replace(/^\[|\]$/g, ""),
      port: Number(url.port) || (secure ? 5671 : 5672),
      vhost: url.pathname.length > 1 ? url.pathname.slice(1) : "/",
      heartbeat,
    },
    socket: {
      ...(secure ? tls : {}),
      credentials: byCertificate ? credentials.external() : credentials.plain(user, password),
      clientProperties: { connection_name: name },
    },
  };
}

function atLeast(value: number, least: number, name: string): number {
  if (Number.isFinite(value) && value >= least) return value;
  throw new ConfigurationError(`${name} is ${value}; give a number of at least ${least}`);
}
