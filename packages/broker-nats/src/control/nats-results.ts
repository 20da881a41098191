import { BrokerEvents, Connection, Followers, withinDeadline } from "@lovage/core/brokers";
import {
  BrokerClosedError,
  DEFAULT_RESULT_TTL_MS,
  type Payload,
  type ResultRecord,
  type ResultStore,
  type ResultStoreCapabilities,
} from "@lovage/core/contracts";
import { openLink } from "../connection/nats-connect.ts";
import type { NatsLink } from "../connection/nats-link.ts";
import { errorOf } from "../nats-errors.ts";
import { type NatsResultsOptions, type Settings, settingsOf } from "../nats-options.ts";
import { Bucket, type Entry } from "../queues/nats-bucket.ts";
import { idToken, Layout } from "../queues/nats-layout.ts";

/** A record as it is stored. Bytes are base64. */
type Stored = Omit<ResultRecord, "value" | "progress"> & {
  readonly value?: StoredPayload;
  readonly progress?: StoredPayload;
  readonly expiresAt: number;
};
type StoredPayload = string | { readonly b: string };

/** While the connection is well an announcement is not lost but in a server's trouble: looks again this often all the same. */
const LOOK_EVERY_MS = 15_000;
const AT_ONCE = 256;

/** Results in a bucket of the same server, or of another one: new → (connect) connected → (close) closed. */
class NatsResults implements ResultStore {
  readonly name = "nats";
  readonly capabilities: ResultStoreCapabilities = { keptFor: "anyone" };
  readonly #settings: Settings;
  readonly #layout: Layout;
  readonly #events = new BrokerEvents();
  readonly #connection = new Connection(this.#events);
  readonly #followers = new Followers();
  #link: NatsLink | undefined;
  #bucket: Bucket | undefined;
  /** How long the bucket keeps a record at least. */
  #keptMs = DEFAULT_RESULT_TTL_MS;

  constructor(options: NatsResultsOptions) {
    this.#settings = settingsOf(options);
    this.#layout = new Layout(this.#settings.namespace);
  }

  connect(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#connection.connect(async (signal) => {
      const link = await openLink(this.#settings, signal, "lovage-results");
      const bucket = new Bucket(this.#layout.bucket("results"), link, this.#layout);
      try {
        await bucket.ensure(this.#keptMs, this.#settings);
      } catch (error) {
        await link.close();
        throw errorOf(error);
      }
      this.#link = link;
      this.#bucket = bucket;
    }, options.signal);
  }

  close(): Promise<void> {
    return this.#connection.close(async () => {
      this.#followers.close();
      await this.#link?.close();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  write(records: readonly ResultRecord[]): Promise<void> {
    return this.#call("write results", async (bucket) => {
      const longest = Math.max(0, ...records.map(({ ttlMs = 0 }) => ttlMs));
      if (longest > this.#keptMs) {
        await bucket.ensure(longest, this.#settings);
        this.#keptMs = longest;
      }
      // Several of one id are compared in the order given.
      const byId = new Map<string, ResultRecord[]>();
      for (const record of records) {
        const others = byId.get(record.id);
        if (others === undefined) byId.set(record.id, [record]);
        else others.push(record);
      }
      await inParallel([...byId.values()], async (ofOne) => {
        for (const record of ofOne) await this.#writeOne(bucket, record);
      });
    });
  }

  read(ids: readonly string[]): Promise<readonly (ResultRecord | undefined)[]> {
    return this.#call("read results", async (bucket) => {
      const found: (ResultRecord | undefined)[] = [];
      await inParallel(
        ids.map((id, index) => ({ id, index })),
        async ({ id, index }) => {
          found[index] = recordOf(await bucket.get(idToken(id)));
        },
      );
      return ids.map((_, index) => found[index]);
    });
  }

  async *wait(id: string, options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<ResultRecord, void, void> {
    this.#connection.check();
    const [link, bucket] = [this.#link as NatsLink, this.#bucket as Bucket];
    const key = idToken(id);
    yield* this.#followers.follow((give) => {
      let told = 0;
      const hear = (entry: Entry | undefined): void => {
        if (entry === undefined || entry.revision <= told) return;
        told = entry.revision;
        const record = recordOf(entry);
        if (record !== undefined) give(record);
      };
      // Away or not, it is asked again: after the reconnect, and now and then.
      const look = (): void => void bucket.get(key).then(hear, () => {});
      // Follows before it looks, so that no write falls between the two.
      const leave = [bucket.follow(key, hear), link.onUp(look)];
      const looking = setInterval(look, LOOK_EVERY_MS).unref();
      look();
      return () => {
        clearInterval(looking);
        for (const each of leave) each();
      };
    }, options.signal);
  }

  forget(ids: readonly string[]): Promise<void> {
    return this.#call("forget results", (bucket) => inParallel(ids, (id) => bucket.delete(idToken(id))));
  }

  /** Compare-and-set on the revision: first as if there were none, which is usually so. */
  async #writeOne(bucket: Bucket, record: ResultRecord): Promise<void> {
    const key = idToken(record.id);
    const value = JSON.stringify(storedOf(record));
    if ((await bucket.put(key, value, 0)) !== undefined) return;
    for (;;) {
      const entry = await bucket.get(key);
      if (!replaces(record, recordOf(entry))) return;
      if ((await bucket.put(key, value, entry?.revision ?? 0)) !== undefined) return;
    }
  }

  async #call<T>(what: string, action: (bucket: Bucket) => Promise<T>): Promise<T> {
    this.#connection.check();
    try {
      return await withinDeadline(action(this.#bucket as Bucket), this.#settings.operationTimeoutMs, what);
    } catch (error) {
      if (this.#connection.closed) throw new BrokerClosedError("the result store is closed; open a new one");
      throw errorOf(error);
    }
  }
}

/** A late first attempt never replaces a newer or final record. */
function replaces(record: ResultRecord, present: ResultRecord | undefined): boolean {
  return present === undefined || (!present.final && record.attempt >= present.attempt);
}

function storedOf({ value, progress, ttlMs = DEFAULT_RESULT_TTL_MS, ...rest }: ResultRecord): Stored {
  return {
    ...rest,
    ...(value !== undefined && { value: stored(value) }),
    ...(progress !== undefined && { progress: stored(progress) }),
    ttlMs,
    expiresAt: Date.now() + ttlMs,
  };
}

/** Undefined where there is none any more. */
function recordOf(entry: Entry | undefined): ResultRecord | undefined {
  if (entry === undefined || entry.deleted) return undefined;
  const { value, progress, expiresAt, ...rest } = JSON.parse(entry.value.toString()) as Stored;
  if (expiresAt <= Date.now()) return undefined;
  return {
    ...rest,
    ...(value !== undefined && { value: payload(value) }),
    ...(progress !== undefined && { progress: payload(progress) }),
  };
}

function stored(value: Payload): StoredPayload {
  if (typeof value === "string") return value;
  return { b: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
}

function payload(value: StoredPayload): Payload {
  return typeof value === "string" ? value : Buffer.from(value.b, "base64");
}

async function inParallel<T>(items: readonly T[], action: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const lanes = Array.from({ length: Math.min(AT_ONCE, left.length) }, async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await action(item);
  });
  await Promise.all(lanes);
}

/** Results kept in a bucket of a NATS server with JetStream. Throws `ConfigurationError` for options that cannot work. */
export function natsResults(options: NatsResultsOptions = {}): ResultStore {
  return new NatsResults(options);
}
