/**
 * What AMQP has no place for, kept in a stream that every connection reads from its beginning and follows: which queues are declared and
 * how, which are paused, which ids are revoked, and since when delayed messages of a queue are void. Records are JSON; their order in the
 * stream is the order of events, for everybody.
 *
 *     {"is":"queue","name":"mail","settings":{…},"bands":3}   declared, or settings changed; no bands: one
 *     {"is":"gone","name":"mail"}                         destroyed
 *     {"is":"pause","name":"mail","paused":true}
 *     {"is":"void","name":"mail"}                         its delayed messages were purged
 *     {"is":"revoked","ids":[…],"until":1790000000000}    {"is":"pardoned","ids":[…]}
 *     {"is":"state","queues":{…},"asOf":120}              what the records up to 120 say together
 *
 * The server drops what is older than a week, whole segments at a time; so whoever reads a journal in which nothing was summed up for a day sums
 * it up.
 */

import { setTimeout } from "node:timers/promises";
import { backoff } from "@lovage/core/brokers";
import { DEFAULT_REVOKE_TTL_MS, type QueueSettings } from "@lovage/core/contracts";
import type { Channel, ConsumeMessage } from "amqplib";
import { isMissing, isStreamAway, messageOf } from "./rabbitmq-errors.ts";
import { type JournalRecord, JournalState } from "./rabbitmq-journal-state.ts";
import type { Session } from "./rabbitmq-link.ts";
import type { Publisher } from "./rabbitmq-publisher.ts";
import type { Layout } from "./rabbitmq-topology.ts";

const DAY_MS = 24 * 3_600_000;
const PREFETCH = 1_000;
/** Some five seconds. */
const ATTEMPTS_BEFORE_WARNING = 16;
/** Ids per record: a record must fit into one message comfortably. */
const IDS_PER_RECORD = 1_000;
/**
 * The server's list of replicated queues reaches its disk up to a second after one was made. Killed before, it comes back with the queue
 * empty, whatever it has confirmed (3.10.8): so it is not called declared before that.
 */
export const YOUNG_MS = 1_200;

export class Journal {
  readonly #publisher: Publisher;
  readonly #layout: Layout;
  readonly #timeoutMs: number;
  readonly #warn: (code: string, message: string) => void;
  readonly #state = new JournalState();
  readonly #writer: string = crypto.randomUUID();
  readonly #awaited = new Map<string, () => void>();
  readonly #listeners = new Set<() => void>();
  #written = 0;
  #read = 0;
  #session: Session | undefined;
  #catchingUp: Session | undefined;
  #channel: Channel | undefined;
  /** It was read to its end once. */
  #known = false;
  #summing: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    publisher: Publisher,
    layout: Layout,
    timeoutMs: number,
    warn: (code: string, message: string) => void = () => {},
  ) {
    this.#publisher = publisher;
    this.#layout = layout;
    this.#timeoutMs = timeoutMs;
    this.#warn = warn;
  }

  /** How much of the journal was read: the offset of the last record. */
  get position(): number {
    return this.#state.position;
  }

  get queues(): readonly string[] {
    return this.#state.queueNames();
  }

  settings(queue: string): QueueSettings | undefined {
    return this.#state.queue(queue)?.settings;
  }

  /** Into how many bands the priorities of `queue` are divided; 1 where it is not known. */
  bands(queue: string): number {
    return this.#state.queue(queue)?.bands ?? 1;
  }

  paused(queue: string): boolean {
    return this.#state.queue(queue)?.paused ?? false;
  }

  isRevoked(id: string): boolean {
    return this.#state.isRevoked(id, Date.now());
  }

  /** A message delayed by somebody who had `seen` so much is of an earlier queue of that name, or was purged since. */
  isVoid(queue: string, seen: number): boolean {
    return seen < (this.#state.queue(queue)?.voidBefore ?? 0);
  }

  /** For how long what `queue` confirms is not to be relied on yet, in ms; see {@link YOUNG_MS}. Clocks differ: never longer than that. */
  youngFor(queue: string): number {
    const left = this.#state.madeAt(queue) + YOUNG_MS - Date.now();
    return left <= 0 ? 0 : Math.min(left, YOUNG_MS);
  }

  /** Called whenever something was read. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * At every connection: reads on from where it was, to the end as it is now. Takes a second longer where there was none.
   *
   * A server that was restarted has its queues back before its streams. Who has read the journal before goes on with what it knows, and
   * reads on as soon as it can: nobody can have revoked anything while the stream was away.
   */
  async attach(session: Session): Promise<void> {
    this.#session = session;
    try {
      await this.#readOn(session);
    } catch (error) {
      if (!this.#known || !isStreamAway(error)) throw error;
      void this.#catchUp(session);
    }
  }

  async #catchUp(session: Session): Promise<void> {
    if (this.#catchingUp === session) return;
    this.#catchingUp = session;
    try {
      await this.#readOnSoon(session);
    } finally {
      if (this.#catchingUp === session) this.#catchingUp = undefined;
    }
  }

  async #readOnSoon(session: Session): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      await setTimeout(backoff(attempt, 20, 500), undefined, { ref: false });
      if (this.#session !== session || this.#closed) return;
      try {
        return await this.#readOn(session);
      } catch (error) {
        // The connection has ended: the next one begins anew.
        if (!isStreamAway(error)) return;
        if (attempt !== ATTEMPTS_BEFORE_WARNING) continue;
        this.#warn("journal-away", `what is revoked, paused or declared elsewhere is not known: ${messageOf(error)}`);
      }
    }
  }

  async #readOn(session: Session): Promise<void> {
    const channel = await session.createChannel();
    channel.on("error", () => {});
    const isThere = this.#state.position >= 0 || (await exists(session, this.#layout.journal));
    await channel.assertQueue(this.#layout.journal, this.#layout.journalArguments());
    if (!isThere) await setTimeout(YOUNG_MS);
    await channel.prefetch(PREFETCH);
    const from = this.#state.position < 0 ? "first" : this.#state.position + 1;
    await channel.consume(this.#layout.journal, (message) => this.#take(channel, message), {
      arguments: { "x-stream-offset": from },
    });
    this.#channel = channel;
    channel.on("close", () => {
      if (this.#channel !== channel) return;
      this.#channel = undefined;
      // Where the connection is still there, the stream has moved, or was away for a moment.
      void this.#catchUp(session);
    });
    await this.#readToEnd(channel);
    this.#known = true;
    this.#sumUpInTime();
  }

  /** Resolves when everything was read that was confirmed before the call. */
  async sync(): Promise<void> {
    const channel = this.#channel;
    if (channel !== undefined) await this.#readToEnd(channel);
  }

  async declare(name: string, settings: QueueSettings, bands: number): Promise<void> {
    await this.#write({ is: "queue", name, settings, ...(bands > 1 && { bands }) });
  }

  async destroy(name: string): Promise<void> {
    await this.#write({ is: "gone", name });
  }

  async pause(name: string, paused: boolean): Promise<void> {
    await this.#write({ is: "pause", name, paused });
  }

  async voidDelayed(name: string): Promise<void> {
    await this.#write({ is: "void", name });
  }

  async revoke(ids: readonly string[]): Promise<void> {
    const until = Date.now() + DEFAULT_REVOKE_TTL_MS;
    await Promise.all(parts(ids).map((part) => this.#write({ is: "revoked", ids: part, until })));
  }

  async pardon(ids: readonly string[]): Promise<void> {
    const revoked = ids.filter((id) => this.isRevoked(id));
    await Promise.all(parts(revoked).map((part) => this.#write({ is: "pardoned", ids: part })));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#summing);
    this.#listeners.clear();
  }

  /** Resolves when it is stored, and read: what is asked of this journal afterwards knows of it. */
  async #write(record: JournalRecord): Promise<void> {
    this.#written += 1;
    const key = `${this.#writer}/${this.#written}`;
    const read = new Promise<void>((resolve) => this.#awaited.set(key, resolve));
    try {
      await new Promise<void>((resolve, reject) => {
        this.#publisher.send({
          content: Buffer.from(JSON.stringify({ ...record, at: Date.now() })),
          properties: { persistent: true, mandatory: true, messageId: key },
          exchange: "",
          routingKey: this.#layout.journal,
          deadline: performance.now() + this.#timeoutMs,
          done: (fate, error) => {
            if (fate === "stored") resolve();
            else reject(error ?? new Error(`the journal ${this.#layout.journal} is missing`));
          },
        });
      });
      await read;
    } finally {
      this.#awaited.delete(key);
    }
  }

  #take(channel: Channel, message: ConsumeMessage | null): void {
    // The stream has moved to another server, or goes with its own: the channel's end begins anew.
    if (message === null) return void channel.close().catch(() => {});
    const offset = Number((message.properties.headers as { "x-stream-offset"?: unknown })["x-stream-offset"]);
    channel.ack(message);
    this.#read += 1;
    this.#state.apply(offset, message.content);
    this.#awaited.get(String(message.properties.messageId))?.();
    for (const listener of this.#listeners) listener();
  }

  /**
   * The server hands out on a channel whatever there is, before it answers the next question on that channel, and each acknowledgement
   * makes room for more: when an answer came and no record before it, there is no more.
   */
  async #readToEnd(channel: Channel): Promise<void> {
    for (let before = -1; before !== this.#read; ) {
      before = this.#read;
      await channel.prefetch(PREFETCH);
    }
  }

  /** With jitter: of many who read, one is first, and the others see that it was done. */
  #sumUpInTime(): void {
    clearTimeout(this.#summing);
    if (this.#closed) return;
    const due = this.#state.summedUpAt + DAY_MS - Date.now() + Math.random() * 3_600_000;
    this.#summing = globalThis.setTimeout(() => void this.#sumUp(), Math.max(60_000, due)).unref();
  }

  async #sumUp(): Promise<void> {
    // What cannot be written now is written later.
    if (Date.now() - this.#state.summedUpAt >= DAY_MS) {
      await Promise.all(this.#state.summary(Date.now(), IDS_PER_RECORD).map((record) => this.#write(record))).catch(
        () => {},
      );
    }
    this.#sumUpInTime();
  }
}

/** Without making it. Also true while it is on its way back after a restart. */
export async function exists(session: Session, queue: string): Promise<boolean> {
  const channel = await session.createChannel();
  channel.on("error", () => {});
  try {
    await channel.checkQueue(queue);
    await channel.close();
    return true;
  } catch (error) {
    if (isMissing(error) && messageOf(error).includes("no queue")) return false;
    throw error;
  }
}

function parts(ids: readonly string[]): string[][] {
  const count = Math.ceil(ids.length / IDS_PER_RECORD);
  return Array.from({ length: count }, (_, index) => ids.slice(index * IDS_PER_RECORD, (index + 1) * IDS_PER_RECORD));
}
