import type { NatsLink } from "../connection/nats-link.ts";
import { HeaderBlock, type NatsHeaders } from "../connection/nats-port.ts";
import { API_CODES, apiError, NatsApiError } from "../nats-errors.ts";
import { parseBlock } from "../publishing/nats-envelope.ts";
import { bucketStream, checkStream, type StreamChoices, updated } from "./nats-configs.ts";
import type { Layout } from "./nats-layout.ts";
import { millis, Streams } from "./nats-streams.ts";

export interface Entry {
  readonly key: string;
  /** Empty when it was deleted. */
  readonly value: Buffer;
  readonly deleted: boolean;
  /** Of this value, for {@link Bucket.put}. */
  readonly revision: number;
}

const DELETE = { "KV-Operation": "DEL" };

/**
 * A bucket in the layout of NATS' KV, so that `nats kv` and every client can look into it. What was stored is announced on a core subject by
 * the server itself, after it was stored: who follows it misses nothing but what happens while the connection is down, and looks again after.
 */
export class Bucket {
  readonly name: string;
  readonly #link: NatsLink;
  readonly #layout: Layout;
  readonly #streams: Streams;

  constructor(name: string, link: NatsLink, layout: Layout) {
    this.name = name;
    this.#link = link;
    this.#layout = layout;
    this.#streams = new Streams(link);
  }

  get #stream(): string {
    return `KV_${this.name}`;
  }

  #subject(key: string): string {
    return `$KV.${this.name}.${key}`;
  }

  /** Makes it if there is none; lets it keep values for at least `ttlMs` (0: for ever). */
  async ensure(ttlMs: number, choices: Pick<StreamChoices, "replicas" | "placement">): Promise<void> {
    const wanted = bucketStream(this.#layout, this.name, ttlMs, choices);
    const present = await this.#streams.info(this.#stream);
    if (present !== undefined) {
      const age = millis(present.config.max_age);
      const longEnough = ttlMs === 0 ? age === 0 : age === 0 || age >= ttlMs;
      const kept = longEnough
        ? { ...wanted, max_age: present.config.max_age, duplicate_window: present.config.duplicate_window }
        : wanted;
      if (longEnough && present.config.republish?.dest === wanted.republish?.dest)
        return checkStream(kept, present.config);
      const { config } = await this.#streams.update({
        ...updated(present.config, kept),
        max_msgs: present.config.max_msgs,
      });
      return checkStream(kept, config);
    }
    const made = await this.#streams.create(wanted);
    if (made === undefined) return this.ensure(ttlMs, choices);
    checkStream(wanted, made.config);
  }

  async get(key: string): Promise<Entry | undefined> {
    const message = await this.#streams.message(this.#stream, { last_by_subj: this.#subject(key) });
    if (message === undefined) return undefined;
    const headers = parseBlock(Buffer.from(message.hdrs ?? "", "base64"));
    return entryOf(key, Buffer.from(message.data ?? "", "base64"), headers, message.seq);
  }

  /**
   * Stores a value. With `after`, only if the key's last revision is that one (0: there is none); resolves with the new revision, or with
   * undefined when another one was there.
   */
  async put(key: string, value: string, after?: number): Promise<number | undefined> {
    return this.#store(key, value, after, {});
  }

  /** Followers are told, then nothing of it is left. */
  async delete(key: string): Promise<void> {
    await this.#store(key, "", undefined, DELETE);
    await this.#streams.purge(this.#stream, this.#subject(key));
  }

  /** All keys with their values, as they are now. */
  async entries(): Promise<readonly Entry[]> {
    const prefix = this.#subject("").length;
    const keys: string[] = [];
    for await (const page of this.#streams.subjects(this.#stream, this.#subject(">"))) {
      keys.push(...Object.keys(page).map((subject) => subject.slice(prefix)));
    }
    const entries = await Promise.all(keys.map((key) => this.get(key)));
    return entries.filter((entry): entry is Entry => entry !== undefined && !entry.deleted);
  }

  /** Everything stored from now on; `key` may be `>`. Nothing arrives while the connection is down. */
  follow(key: string, listener: (entry: Entry) => void): () => void {
    const prefix = this.#layout.stored(this.name, "");
    const heard = this.#link.hear(this.#layout.stored(this.name, key), ({ subject, data, headers }) => {
      const revision = Number(headers?.get("Nats-Sequence") ?? 0);
      listener(entryOf(subject.slice(prefix.length), Buffer.from(data), headers, revision));
    });
    return () => heard.unsubscribe();
  }

  async #store(
    key: string,
    value: string,
    after: number | undefined,
    lines: Readonly<Record<string, string>>,
  ): Promise<number | undefined> {
    const expected = after === undefined ? {} : { "Nats-Expected-Last-Subject-Sequence": `${after}` };
    const answer = await this.#link.request(this.#subject(key), value, new HeaderBlock({ ...lines, ...expected }));
    if (typeof answer === "string") throw new NatsApiError(503, 503, `bucket ${this.name} does not answer (${answer})`);
    const failure = apiError(answer);
    if (failure?.code === API_CODES.wrongLastSequence) return undefined;
    if (failure !== undefined) throw failure;
    return (JSON.parse(Buffer.from(answer.data).toString()) as { seq: number }).seq;
  }
}

function entryOf(key: string, value: Buffer, headers: Pick<NatsHeaders, "get"> | undefined, revision: number): Entry {
  const deleted = (headers?.get("KV-Operation") ?? "") !== "";
  return { key, value, deleted, revision };
}
