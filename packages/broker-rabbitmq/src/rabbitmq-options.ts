import { readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { MOST_BANDS } from "@lovage/core/brokers";
import { ConfigurationError } from "@lovage/core/contracts";
import { credentials, type Options, type SocketOptions } from "amqplib";
import type { LayoutOptions, QueueType } from "./queues/rabbitmq-topology.ts";
import { DEFAULT_ACK_TIMEOUT_MS } from "./rabbitmq-capabilities.ts";

/** Each option is explained by what changes when you turn it. */
export interface RabbitMqBrokerOptions {
  /** `amqp://user:password@host:5672/vhost`, or `amqps://…`. Several are nodes of one cluster: when one does not answer, the next is tried. */
  readonly url: string | readonly string[];
  /**
   * `quorum` (default): replicated to the nodes of a cluster, safe on their disks before a publish is confirmed; priorities only from
   * RabbitMQ 4.0 on. `classic`: on one node only, strict priorities on every version. A setting of the namespace: all must say the same.
   */
  readonly queueType?: QueueType;
  /**
   * Into how many bands the priorities are divided, 1 to 10, for servers whose quorum queues do not order by priority themselves (before
   * 4.3). Default 1: a queue is one queue of the server, with whatever order that has. More: as many queues of the server; messages of a
   * higher band come first on average. Once a queue has more bands they stay. Not with `classic`, which needs none.
   */
  readonly bands?: number;
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
  /**
   * URL of RabbitMQ's management API: `http://host:15672`, or `https:`. With it `depth` tells how many messages are owned, up to five seconds
   * late, and `lovage doctor` looks for policies that harm our queues. User and password are those of `url` unless it has its own; the user
   * needs the tag `management`. Default: not used. While it does not answer, a `warning` says so, and nothing else changes.
   */
  readonly management?: string;
  /** For `amqps:`, and for a management API by `https:`: what `tls.connect` takes: `ca`, `cert`, `key`, `servername` … A client certificate without user and password in the URL authenticates by it. */
  readonly tls?: Omit<TlsOptions, "timeout">;
  /** Names the connections in RabbitMQ's management pages. Default `lovage`. */
  readonly name?: string;
}

export interface RabbitMqRepliesOptions
  extends Pick<
    RabbitMqBrokerOptions,
    "url" | "prefix" | "operationTimeoutMs" | "heartbeatS" | "maxMessageBytes" | "tls" | "name"
  > {
  /**
   * How long a caller that has lost its connection finds the results again that came meanwhile, in ms. Default 120,000. Longer survives longer
   * outages, and keeps the results of callers that died for longer. After it, waits reject with `ResultLostError`.
   */
  readonly graceMs?: number;
  /** How many results that have arrived a caller keeps in its memory, until they expire. Default 10,000; of more the oldest are dropped, and asking for them rejects with `ResultLostError`. */
  readonly maxKept?: number;
}

/** One place to connect to. */
export interface Server {
  readonly connect: Options.Connect;
  readonly socket: SocketOptions;
}

export interface ManagementSettings {
  /** Ends with a slash; without credentials. */
  readonly url: URL;
  readonly authorization: string;
  readonly vhost: string;
  readonly tls: Omit<TlsOptions, "timeout">;
}

export interface RabbitMqSettings {
  readonly servers: readonly Server[];
  readonly address: string;
  readonly layout: LayoutOptions;
  /** As the user gave it. */
  readonly ackTimeoutMs: number | undefined;
  readonly management: ManagementSettings | undefined;
  readonly heartbeatS: number;
  readonly operationTimeoutMs: number;
  readonly bands: number;
  readonly maxUnconfirmed: number;
  readonly maxMessageBytes: number;
}

const DEFAULT_MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const PREFIX = /^[A-Za-z0-9._-]{1,40}$/;

/** Throws `ConfigurationError` for what cannot work. */
export function rabbitMqSettings(options: RabbitMqBrokerOptions): RabbitMqSettings {
  const { queueType = "quorum", prefix = "lovage", bands = 1, heartbeatS = 20, name = "lovage", tls } = options;
  const urls = (typeof options.url === "string" ? [options.url] : options.url).map(parsedUrl);
  const [first] = urls;
  if (first === undefined) throw new ConfigurationError("no URL of a RabbitMQ server is given");
  if (queueType !== "quorum" && queueType !== "classic") {
    throw new ConfigurationError(`queueType is ${String(queueType)}; use "quorum" or "classic"`);
  }
  if (!PREFIX.test(prefix)) {
    throw new ConfigurationError(`prefix is "${prefix}"; use 1 to 40 characters of A–Z a–z 0–9 . _ -`);
  }
  if (!Number.isInteger(bands) || bands < 1 || bands > MOST_BANDS) {
    throw new ConfigurationError(`bands is ${bands}; give a whole number of 1 to ${MOST_BANDS}`);
  }
  if (bands > 1 && queueType === "classic") {
    throw new ConfigurationError("classic queues order by priority themselves; leave out bands");
  }
  const ackTimeoutMs = atLeast(options.ackTimeoutMs ?? DEFAULT_ACK_TIMEOUT_MS, 60_000, "ackTimeoutMs");
  const heartbeat = atLeast(heartbeatS, 1, "heartbeatS");
  return {
    servers: urls.map((url) => serverAt(url, heartbeat, name, tls)),
    address: `${first.protocol}//${urls.map((url) => url.host).join(",")}${first.pathname === "/" ? "" : first.pathname}`,
    layout: { prefix, queueType, ackTimeoutMs },
    ackTimeoutMs: options.ackTimeoutMs,
    bands,
    management: options.management === undefined ? undefined : managementAt(options.management, first, tls),
    heartbeatS: heartbeat,
    operationTimeoutMs: atLeast(options.operationTimeoutMs ?? 10_000, 1, "operationTimeoutMs"),
    maxUnconfirmed: atLeast(options.maxUnconfirmed ?? 1_000, 1, "maxUnconfirmed"),
    maxMessageBytes: atLeast(options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES, 1, "maxMessageBytes"),
  };
}

const PARAMETERS =
  "failover, heartbeat, queueType, bands, prefix, ackTimeoutMs, management, cacertfile, certfile, keyfile, servername";

/**
 * From `amqp://user:password@host:5672/vhost?…`. Parameters: `failover=host2:5672,host3` (further nodes), `heartbeat` (seconds),
 * `queueType`, `bands`, `prefix`, `ackTimeoutMs`, `management` (a URL), and for `amqps:` files of `cacertfile`, `certfile`, `keyfile`, and `servername`. Relative files start from
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
  const bands = number("bands");
  const prefix = take("prefix");
  const ackTimeoutMs = number("ackTimeoutMs");
  const management = take("management");
  const [unknown] = parameters.keys();
  if (unknown !== undefined)
    throw new ConfigurationError(`the URL's parameter "${unknown}" is unknown; legal are ${PARAMETERS}`);
  return {
    url: [bare.href, ...nodes],
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    ...(heartbeatS === undefined ? {} : { heartbeatS }),
    ...(queueType === undefined ? {} : { queueType }),
    ...(bands === undefined ? {} : { bands }),
    ...(prefix === undefined ? {} : { prefix }),
    ...(ackTimeoutMs === undefined ? {} : { ackTimeoutMs }),
    ...(management === undefined ? {} : { management }),
  };
}

export interface RepliesSettings {
  readonly common: RabbitMqSettings;
  readonly graceMs: number;
  readonly maxKept: number;
}

/** Throws `ConfigurationError` for what cannot work. */
export function repliesSettings({
  graceMs = 120_000,
  maxKept = 10_000,
  ...rest
}: RabbitMqRepliesOptions): RepliesSettings {
  return {
    common: rabbitMqSettings(rest),
    graceMs: Math.round(atLeast(graceMs, 1_000, "graceMs")),
    maxKept: atLeast(maxKept, 1, "maxKept"),
  };
}

function parsedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^amqps?:$/.test(url.protocol) && url.hostname !== "" && isDecodable(url)) return url;
  throw new ConfigurationError(
    "the URL of RabbitMQ is not valid; write amqp://user:password@host:5672/vhost, with special characters percent-encoded",
  );
}

function serverAt(url: URL, heartbeat: number, name: string, tls: Omit<TlsOptions, "timeout"> = {}): Server {
  const secure = url.protocol === "amqps:";
  const byCertificate = secure && tls.cert !== undefined && url.username === "";
  const [user, password] = credentialsIn(url);
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

function isDecodable({ username, password, pathname }: URL): boolean {
  try {
    for (const part of [username, password, pathname]) decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}

function managementAt(text: string, broker: URL, tls: Omit<TlsOptions, "timeout"> = {}): ManagementSettings {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new ConfigurationError("the URL of RabbitMQ's management API is not valid; write http://host:15672");
  }
  const [user, password] = credentialsIn(url.username === "" ? broker : url);
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  url.username = "";
  url.password = "";
  return {
    url,
    authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
    vhost: vhostIn(broker),
    tls: url.protocol === "https:" ? tls : {},
  };
}

function credentialsIn(url: URL): readonly [user: string, password: string] {
  const user = decodeURIComponent(url.username) || "guest";
  return [user, decodeURIComponent(url.password) || (url.username === "" ? "guest" : "")];
}

function vhostIn(url: URL): string {
  return url.pathname.length > 1 ? decodeURIComponent(url.pathname.slice(1)) : "/";
}

function atLeast(value: number, least: number, name: string): number {
  if (Number.isFinite(value) && value >= least) return value;
  throw new ConfigurationError(`${name} is ${value}; give a number of at least ${least}`);
}
