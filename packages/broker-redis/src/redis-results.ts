import { BrokerEvents, Connection, Followers } from "@lovage/core/brokers";
import {
  BrokerClosedError,
  DEFAULT_RESULT_TTL_MS,
  type Payload,
  type ResultRecord,
  type ResultStore,
  type ResultStoreCapabilities,
} from "@lovage/core/contracts";
import { base64 } from "./redis-envelope.ts";
import type { RedisResultsOptions } from "./redis-options.ts";
import { RedisSession } from "./redis-session.ts";
import { Subscriptions } from "./redis-subscriptions.ts";
import { WRITE_RESULTS } from "./scripts/results.ts";

/** Of one script or command. */
const MOST = 500;
const LOOK_AGAIN_MS = 500;
/** Pub/sub promises nothing, and nodes of a cluster drop what they cannot pass on: whoever waits long looks by itself. */
const LOOK_ANYWAY_MS = 5_000;

interface Pending<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** Results in Redis: new → (connect) connected → (close) closed. */
class RedisResults implements ResultStore {
  readonly name = "redis";
  readonly capabilities: ResultStoreCapabilities = { keptFor: "anyone" };
  readonly #server: RedisSession;
  readonly #connection = new Connection(new BrokerEvents());
  readonly #subscriptions: Subscriptions;
  readonly #followers = new Followers();
  #writes: { readonly records: readonly ResultRecord[]; readonly pending: Pending<void> }[] = [];
  #reads: { readonly ids: readonly string[]; readonly pending: Pending<readonly (ResultRecord | undefined)[]> }[] = [];
  #flush: NodeJS.Immediate | undefined;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(options: RedisResultsOptions) {
    this.#server = new RedisSession(options);
    this.#subscriptions = new Subscriptions(this.#server);
  }

  connect(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#connection.connect(async (signal) => {
      await this.#server.begin(signal);
    }, options.signal);
  }

  close(): Promise<void> {
    return this.#connection.close(async (wasConnected) => {
      if (wasConnected) {
        this.#send();
        await Promise.race([
          Promise.allSettled([...this.#underWay]),
          new Promise((resolve) => setTimeout(resolve, 1_500).unref()),
        ]);
      }
      this.#followers.close();
      this.#subscriptions.close();
      this.#server.link.close();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async write(records: readonly ResultRecord[]): Promise<void> {
    this.#check();
    if (records.length === 0) return;
    await new Promise<void>((resolve, reject) => {
      this.#writes.push({ records, pending: { resolve, reject } });
      this.#flush ??= setImmediate(() => this.#send());
    });
  }

  async read(ids: readonly string[]): Promise<readonly (ResultRecord | undefined)[]> {
    this.#check();
    if (ids.length === 0) return [];
    return new Promise((resolve, reject) => {
      this.#reads.push({ ids, pending: { resolve, reject } });
      this.#flush ??= setImmediate(() => this.#send());
    });
  }

  async *wait(id: string, options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<ResultRecord, void, void> {
    this.#check();
    yield* this.#followers.follow((give) => this.#watch(id, give), options.signal);
  }

  async forget(ids: readonly string[]): Promise<void> {
    this.#check();
    await this.#each(ids, (keys) => this.#server.call("unlink", keys));
  }

  #watch(id: string, give: (record: ResultRecord) => void): () => void {
    let over = false;
    let heard = 0;
    let told: string | undefined;
    const tell = (record: ResultRecord): void => {
      const text = JSON.stringify(record);
      if (text === told) return;
      told = text;
      give(record);
    };
    const look = (): void => {
      const before = heard;
      this.read([id]).then(
        ([record]) => {
          // What was published meanwhile is newer.
          if (record !== undefined && heard === before) tell(record);
        },
        () => {
          // Nothing was learnt: again, or a result might be missed.
          if (!over) setTimeout(look, LOOK_AGAIN_MS).unref();
        },
      );
    };
    // Subscribed before the first look, and looked at again after every new subscription: nothing is missed between.
    const unsubscribe = this.#subscriptions.subscribe(
      this.#server.layout.result(id),
      (message) => {
        heard += 1;
        tell(recordOf(id, message));
      },
      look,
    );
    const anyway = setInterval(look, LOOK_ANYWAY_MS).unref();
    return () => {
      over = true;
      clearInterval(anyway);
      unsubscribe();
    };
  }

  #check(): void {
    if (this.#connection.closed) throw new BrokerClosedError("the result store is closed; open a new one");
    this.#connection.check();
  }

  #send(): void {
    clearImmediate(this.#flush);
    this.#flush = undefined;
    const writes = this.#writes;
    const reads = this.#reads;
    this.#writes = [];
    this.#reads = [];
    if (writes.length > 0) this.#track(this.#write(writes.flatMap(({ records }) => records)), writes, () => undefined);
    if (reads.length === 0) return;
    const ids = reads.flatMap((read) => read.ids);
    let at = 0;
    this.#track(this.#read(ids), reads, (all, { ids: own }) => {
      at += own.length;
      return all.slice(at - own.length, at);
    });
  }

  #track<Asked extends { readonly pending: Pending<never> }, T>(
    sent: Promise<T>,
    asked: readonly Asked[],
    part: (value: T, asked: Asked) => unknown,
  ): void {
    const done = sent.then(
      (value) => {
        for (const each of asked) each.pending.resolve(part(value, each) as never);
      },
      (error: unknown) => {
        for (const { pending } of asked) pending.reject(error);
      },
    );
    this.#underWay.add(done);
    void done.finally(() => this.#underWay.delete(done));
  }

  async #write(records: readonly ResultRecord[]): Promise<void> {
    // Records of one id stay in one script, in order; in a cluster each id is in a slot of its own.
    const groups = new Map<string, ResultRecord[]>();
    for (const record of records) {
      const group = this.#server.isCluster ? record.id : "";
      const members = groups.get(group);
      if (members === undefined) groups.set(group, [record]);
      else members.push(record);
    }
    await Promise.all([...groups.values()].map((group) => this.#writeGroup(group)));
  }

  async #writeGroup(records: readonly ResultRecord[]): Promise<void> {
    for (let at = 0; at < records.length; at += MOST) {
      const keys: string[] = [];
      const args: (string | number)[] = [];
      for (const record of records.slice(at, at + MOST)) {
        const key = this.#server.layout.result(record.id);
        keys.push(key);
        args.push(textOf(record), Math.max(1, Math.ceil(record.ttlMs ?? DEFAULT_RESULT_TTL_MS)), key);
      }
      await this.#server.patient((link) => link.run(WRITE_RESULTS, keys, args));
    }
  }

  async #read(ids: readonly string[]): Promise<readonly (ResultRecord | undefined)[]> {
    const answers = await this.#each(ids, (keys) => this.#server.call("mget", keys));
    const texts = answers.flat() as (string | null)[];
    return ids.map((id, index) => {
      const text = texts[index];
      return text === null || text === undefined ? undefined : recordOf(id, text);
    });
  }

  /** In steps; in a cluster one by one. */
  #each(ids: readonly string[], send: (keys: readonly string[]) => Promise<unknown>): Promise<readonly unknown[]> {
    const size = this.#server.isCluster ? 1 : MOST;
    const steps: Promise<unknown>[] = [];
    for (let at = 0; at < ids.length; at += size) {
      steps.push(send(ids.slice(at, at + size).map((id) => this.#server.layout.result(id))));
    }
    return Promise.all(steps);
  }
}

/** `<final><attempt>:<record without its id and value, as JSON>\n<value>`. `v` and `p` say what value and progress are: text, or base64 of bytes. */
function textOf({ id: _id, value, progress, ...rest }: ResultRecord): string {
  const about = {
    ...rest,
    ...(value === undefined ? {} : { v: typeof value === "string" ? "t" : "b" }),
    ...(progress === undefined ? {} : { p: typeof progress === "string" ? "t" : "b", progress: stored(progress) }),
  };
  return `${rest.final ? 1 : 0}${rest.attempt}:${JSON.stringify(about)}\n${value === undefined ? "" : stored(value)}`;
}

function recordOf(id: string, text: string): ResultRecord {
  const end = text.indexOf("\n");
  const { v, p, progress, ...rest } = JSON.parse(text.slice(text.indexOf(":") + 1, end));
  return {
    id,
    ...rest,
    ...(v === undefined ? {} : { value: restored(v, text.slice(end + 1)) }),
    ...(p === undefined ? {} : { progress: restored(p, progress) }),
  };
}

function stored(payload: Payload): string {
  return typeof payload === "string" ? payload : base64(payload);
}

function restored(kind: string, text: string): Payload {
  return kind === "t" ? text : new Uint8Array(Buffer.from(text, "base64"));
}

/**
 * Results in Redis: on the broker's server or another one. A string is a URL. Throws `ConfigurationError` for options that cannot work; what is
 * wrong with the server shows at `connect()`.
 */
export function redisResults(options: RedisResultsOptions | string): ResultStore {
  return new RedisResults(typeof options === "string" ? { url: options } : options);
}
