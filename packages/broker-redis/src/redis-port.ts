/** The only file that calls ioredis: what we need of a client library, so that another one could take its place. */

import { Cluster, type ClusterOptions, Redis, type RedisOptions } from "ioredis";
import { isUnknownScript, LinkError } from "./redis-errors.ts";

/** `commands`: answers soon or is broken. `blocking`: may be silent for long. `subscriber`: receives messages. */
export type ConnectionUse = "commands" | "blocking" | "subscriber";

/** One connection, used until it breaks: it never comes back by itself and never sends anything twice. */
export interface RedisConnection {
  /** The server's number for it, for `CLIENT UNBLOCK`; asked for `blocking` only. */
  readonly clientId: number | undefined;
  /** It leads to several nodes: that one of them has gone does not end it. */
  readonly outlivesNodes: boolean;
  /** Rejects with ioredis's error. Strings in, strings out. */
  call(command: string, args: readonly (string | number)[]): Promise<unknown>;
  evaluate(
    script: { readonly sha: string; readonly source: string },
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown>;
  onMessage(listener: (channel: string, message: string) => void): void;
  /** Called once, when it is over for whatever reason. */
  onEnd(listener: (error: Error | undefined) => void): void;
  /** At once; what has no answer rejects. Idempotent. */
  destroy(): void;
}

export interface ConnectionRequest {
  readonly use: ConnectionUse;
  /** In a cluster: to the node that has this key, and to no other. Without it commands go where their keys are. */
  readonly key?: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

type Legacy = ClusterOptions & { redisOptions: { replyMapping: "legacy" } };

/** Where connections are made to, as ioredis wants to hear it. */
export type RedisTarget =
  | { readonly kind: "server"; readonly options: RedisOptions }
  | {
      readonly kind: "cluster";
      readonly nodes: readonly { readonly host: string; readonly port: number }[];
      readonly options: ClusterOptions;
    }
  | { readonly kind: "client"; readonly client: Redis | Cluster };

export const isClusterTarget = (target: RedisTarget): boolean =>
  target.kind === "cluster" || (target.kind === "client" && target.client.isCluster);

/**
 * Nothing is sent again, kept for later or reconnected behind our back: a write whose answer was lost would be carried out twice, and a publisher
 * could not say what became of its message.
 */
const STRICT: RedisOptions = {
  lazyConnect: true,
  retryStrategy: null as unknown as () => null,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  reconnectOnError: null,
  enableAutoPipelining: false,
  enableReadyCheck: true,
  // Asked again soon, whatever the server guesses: who comes late after a restart has lost its leases.
  maxLoadingRetryTime: 100,
  keyPrefix: "",
  stringNumbers: false,
  readOnly: false,
  role: "master",
  replyMapping: "legacy",
  sentinelRetryStrategy: () => null,
  failoverDetector: false,
};

/** Rejects with what went wrong, and leaves nothing open. */
export async function openConnection(target: RedisTarget, request: ConnectionRequest): Promise<RedisConnection> {
  if (!isClusterTarget(target)) return opened(serverClient(target, strict(request)), request);
  if (request.key === undefined) return opened(clusterClient(target, strict(request)), request);
  return openOwner(target, request.key, request);
}

function strict({ use, timeoutMs }: ConnectionRequest): RedisOptions {
  return {
    ...STRICT,
    connectTimeout: timeoutMs,
    sentinelCommandTimeout: timeoutMs,
    ...(use === "blocking" ? { commandTimeout: undefined as unknown as number } : { commandTimeout: timeoutMs }),
  };
}

function serverClient(target: RedisTarget, ours: RedisOptions): Redis {
  if (target.kind === "client") return (target.client as Redis).duplicate(ours);
  return redis({ ...(target as { options: RedisOptions }).options, ...ours });
}

/** The shape of replies is a type parameter there; ours is always the classic one. */
function redis(options: RedisOptions): Redis {
  return new Redis(options as RedisOptions & { replyMapping: "legacy" }) as Redis;
}

function clusterClient(target: RedisTarget, ours: RedisOptions): Cluster {
  const {
    lazyConnect: _lazy,
    retryStrategy: _retry,
    enableOfflineQueue: _queue,
    readOnly: _readOnly,
    ...redisOptions
  } = ours;
  const options: ClusterOptions = {
    lazyConnect: true,
    clusterRetryStrategy: () => null,
    enableOfflineQueue: false,
    retryDelayOnFailover: 0,
    scaleReads: "master",
    keyPrefix: "",
    redisOptions,
  };
  if (target.kind === "client") return (target.client as Cluster).duplicate([], options as Legacy) as Cluster;
  const { nodes, options: given } = target as Extract<RedisTarget, { kind: "cluster" }>;
  const all = { ...given, ...options, redisOptions: { ...given.redisOptions, ...redisOptions } };
  return new Cluster([...nodes], all as Legacy) as Cluster;
}

/** Any node tells which one has a key. */
async function openOwner(target: RedisTarget, key: string, request: ConnectionRequest): Promise<RedisConnection> {
  const { nodes, options } = seeds(target);
  let last: unknown = new Error("no node of the cluster is known");
  for (const { host, port } of [...nodes].sort(() => Math.random() - 0.5)) {
    try {
      const seed = await opened(redis({ ...options, ...strict(request), host, port }), request);
      const owner = await ownerOf(seed, key).catch((error: unknown) => {
        seed.destroy();
        throw error;
      });
      if (owner === undefined) return seed;
      seed.destroy();
      const moved = natMapped(target, owner);
      return await opened(redis({ ...options, ...strict(request), ...moved }), request);
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

function seeds(target: RedisTarget): { nodes: readonly { host: string; port: number }[]; options: RedisOptions } {
  if (target.kind === "cluster") return { nodes: target.nodes, options: target.options.redisOptions ?? {} };
  const cluster = (target as { client: Cluster }).client;
  const nodes = cluster.nodes("all").map(({ options: { host = "127.0.0.1", port = 6379 } }) => ({ host, port }));
  return { nodes, options: cluster.options.redisOptions ?? {} };
}

/** Undefined: this node itself. */
async function ownerOf(node: RedisConnection, key: string): Promise<string | undefined> {
  try {
    await node.call("exists", [key]);
    return undefined;
  } catch (error) {
    const moved = /^MOVED \d+ (\S+)/.exec((error as Error).message);
    if (moved === null) throw error;
    return moved[1];
  }
}

function natMapped(target: RedisTarget, address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon);
  const plain = { host: host === "" ? "127.0.0.1" : host, port: Number(address.slice(colon + 1)) };
  const natMap =
    target.kind === "cluster" ? target.options.natMap : (target as { client: Cluster }).client.options.natMap;
  if (natMap === undefined) return plain;
  return (typeof natMap === "function" ? natMap(address) : natMap[address]) ?? plain;
}

async function opened(
  client: Redis | Cluster,
  { use, timeoutMs, signal }: ConnectionRequest,
): Promise<RedisConnection> {
  const connection = new Connection(client);
  const abort = (): void => connection.destroy();
  signal.addEventListener("abort", abort, { once: true });
  // An aborted handshake: ioredis's own limit is for the socket only.
  const late = setTimeout(abort, timeoutMs);
  try {
    signal.throwIfAborted();
    // A cluster that is not ready ends without telling who connects.
    const ended = new Promise<never>((_, reject) => {
      connection.onEnd((error) => reject(error ?? new Error("it ended before it was ready")));
    });
    ended.catch(() => {});
    await Promise.race([client.connect(), ended]);
    // All nodes at once, rather than each when it is first needed; who is not there is found again when it is.
    if (client instanceof Cluster) for (const node of client.nodes("master")) node.ping().catch(() => {});
    if (use === "blocking") connection.clientId = Number(await connection.call("client", ["id"]));
    return connection;
  } catch (error) {
    connection.destroy();
    throw connection.lastError ?? error;
  } finally {
    clearTimeout(late);
    signal.removeEventListener("abort", abort);
  }
}

class Connection implements RedisConnection {
  clientId: number | undefined;
  lastError: Error | undefined;
  readonly #client: Redis | Cluster;
  #ended = false;
  #onEnd: ((error: Error | undefined) => void)[] = [];

  constructor(client: Redis | Cluster) {
    this.#client = client;
    client.on("error", (error: Error) => {
      this.lastError = error;
    });
    client.on("end", () => this.#end());
  }

  get outlivesNodes(): boolean {
    return this.#client.isCluster;
  }

  call(command: string, args: readonly (string | number)[]): Promise<unknown> {
    if (this.#ended) return Promise.reject(new LinkError("the connection is closed", { maybeDone: false }));
    return this.#client.call(command, args as string[]);
  }

  async evaluate(
    { sha, source }: { readonly sha: string; readonly source: string },
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    const rest = [keys.length, ...keys, ...args];
    try {
      return await this.call("evalsha", [sha, ...rest]);
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return this.call("eval", [source, ...rest]);
    }
  }

  onMessage(listener: (channel: string, message: string) => void): void {
    this.#client.on("message", listener);
  }

  onEnd(listener: (error: Error | undefined) => void): void {
    if (this.#ended) listener(this.lastError);
    else this.#onEnd.push(listener);
  }

  destroy(): void {
    // What has ended and is told to end keeps a timer of ioredis for two seconds.
    if (this.#client.status !== "end") this.#client.disconnect();
    // Without waiting for the other side to agree: it may be gone. What has no answer rejects now.
    if (!this.#client.isCluster) (this.#client as unknown as { stream?: { destroy(): void } }).stream?.destroy();
    this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const listener of this.#onEnd.splice(0)) listener(this.lastError);
  }
}
