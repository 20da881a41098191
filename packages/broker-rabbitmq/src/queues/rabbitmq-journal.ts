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
 *     {"is":"mark"}                                       nothing: whoever has written and read it has read all that was before it
 *     {"is":"state","queues":{…},"asOf":120}              what the records up to 120 say together
 *
 * The server drops what is older than a week, whole segments at a time; so whoever reads a journal in which nothing was summed up for a day sums
 * it up.
 */

import { DEFAULT_REVOKE_TTL_MS, type QueueSettings } from "@lovage/core/contracts";
import type { Session } from "../connection/rabbitmq-link.ts";
import type { Publisher } from "../publishing/rabbitmq-publisher.ts";
import { type JournalRecord, JournalState } from "./rabbitmq-journal-state.ts";
import { RecordStream } from "./rabbitmq-record-stream.ts";
import type { Layout } from "./rabbitmq-topology.ts";

const DAY_MS = 24 * 3_600_000;
/** Ids per record: a record must fit into one message comfortably. */
const IDS_PER_RECORD = 1_000;
export interface JournalOptions {
  readonly publisher: Publisher;
  readonly layout: Layout;
  readonly timeoutMs: number;
  warn(code: string, message: string): void;
}

export class Journal {
  readonly #state = new JournalState();
  readonly #stream: RecordStream;
  readonly #newQueueMs: number;
  readonly #listeners = new Set<() => void>();
  #summing: NodeJS.Timeout | undefined;
  #closed = false;

  /** `warn`: what operators should know. */
  constructor(options: JournalOptions) {
    this.#newQueueMs = options.layout.newQueueMs;
    this.#stream = new RecordStream({
      ...options,
      warn: (code, message) => options.warn(code, message),
      record: (offset, content) => {
        this.#state.apply(offset, content);
        for (const listener of this.#listeners) listener();
      },
    });
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

  /** For how long what `queue` confirms is not to be relied on yet, in ms; see {@link Layout.newQueueMs}. Clocks differ: never longer than that. */
  youngFor(queue: string): number {
    const left = this.#state.madeAt(queue) + this.#newQueueMs - Date.now();
    return left <= 0 ? 0 : Math.min(left, this.#newQueueMs);
  }

  /** Called whenever something was read. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** At every connection: see {@link RecordStream.attach}. */
  async attach(session: Session): Promise<void> {
    await this.#stream.attach(session);
    this.#sumUpInTime();
  }

  /** Reads to the end, as far as this server knows it. */
  async sync(): Promise<void> {
    await this.#stream.sync();
  }

  /** What is declared of `queue` now. One that is not known yet is looked for until it is certain that nobody has declared it. */
  async find(queue: string): Promise<QueueSettings | undefined> {
    if (this.settings(queue) === undefined) await this.#stream.sync();
    if (this.settings(queue) === undefined) await this.#stream.certain();
    return this.settings(queue);
  }

  /** As {@link find}, also for one that is known: it may have been destroyed. */
  async findNow(queue: string): Promise<QueueSettings | undefined> {
    await this.#stream.certain();
    return this.settings(queue);
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
    this.#stream.close();
    clearTimeout(this.#summing);
    this.#listeners.clear();
  }

  /** Resolves when it is stored, and read: what is asked of this journal afterwards knows of it. */
  #write(record: JournalRecord): Promise<void> {
    return this.#stream.append(record);
  }

  /** With jitter: of many who read, one is first, and the others see that it was done. */
  #sumUpInTime(): void {
    clearTimeout(this.#summing);
    if (this.#closed) return;
    const due = this.#state.summedUpAt + DAY_MS - Date.now() + Math.random() * 3_600_000;
    this.#summing = setTimeout(() => void this.#sumUp(), Math.max(60_000, due)).unref();
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

function parts(ids: readonly string[]): string[][] {
  const count = Math.ceil(ids.length / IDS_PER_RECORD);
  return Array.from({ length: count }, (_, index) => ids.slice(index * IDS_PER_RECORD, (index + 1) * IDS_PER_RECORD));
}
