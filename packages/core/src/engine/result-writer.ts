/**
 * Writes results in batches, and keeps trying while the store is away. The outcome of a task waits for its result (a result must not
 * be missing after the message is gone), but its slot does not: see `held` and `failing`, by which credit makes room for a bounded number.
 *
 * States: idle → writing → idle;  writing → failing (retry with backoff) → writing.
 */

import type { ResultRecord, ResultStore } from "../contracts/index.ts";
import { errorData } from "../contracts/index.ts";
import type { EventStream } from "./events.ts";
import type { Held } from "./held.ts";

/** Outcomes that may wait for a failing store before intake stops. */
export const MAX_HELD_RESULTS = 1_000;
const MAX_BATCH = 500;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

interface Entry {
  readonly record: ResultRecord;
  readonly written: () => void;
}

export class ResultWriter {
  readonly #store: ResultStore;
  readonly #events: EventStream;
  #queue: Entry[] = [];
  #inFlight = 0;
  #scheduled = false;
  #writing = false;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(store: ResultStore, events: EventStream) {
    this.#store = store;
    this.#events = events;
  }

  /** What a record of this run needs beside what happened; undefined where nobody wants one. */
  kept({ policy, message }: Pick<Held, "policy" | "message">): Pick<ResultRecord, "ttlMs" | "replyTo"> | undefined {
    const ttlMs = policy.resultTtlMs;
    if (ttlMs === undefined) return undefined;
    if (this.#store.capabilities.keptFor === "anyone") return { ttlMs };
    const { replyTo } = message.headers;
    return typeof replyTo === "string" ? { ttlMs, replyTo } : undefined;
  }

  /** Records not yet in the store. */
  get held(): number {
    return this.#queue.length + this.#inFlight;
  }

  get failing(): boolean {
    return this.#failures > 0;
  }

  /** Resolves when the record is in the store, however long that takes; only `close` ends the wait, unresolved. */
  write(record: ResultRecord): Promise<void> {
    return new Promise((written) => this.#enqueue({ record, written }));
  }

  /** For records that a later one will replace: nobody waits, and a failing store does not keep them. */
  announce(record: ResultRecord): void {
    if (!this.failing) this.#enqueue({ record, written: () => {} });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #enqueue(entry: Entry): void {
    this.#queue.push(entry);
    if (this.#scheduled || this.#writing || this.#timer !== undefined) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    try {
      while (this.#queue.length > 0 && !this.#closed) {
        const batch = this.#queue.splice(0, MAX_BATCH);
        this.#inFlight = batch.length;
        try {
          await this.#store.write(batch.map((entry) => entry.record));
        } catch (error) {
          this.#queue = [...batch, ...this.#queue];
          this.#inFlight = 0;
          this.#retryLater(error);
          return;
        }
        this.#inFlight = 0;
        if (this.#failures > 0) {
          this.#failures = 0;
          this.#events.emit({ type: "result-store", state: "recovered", held: this.held });
        }
        for (const entry of batch) entry.written();
      }
    } finally {
      this.#writing = false;
    }
  }

  #retryLater(error: unknown): void {
    this.#failures++;
    if (this.#failures === 1)
      this.#events.emit({ type: "result-store", state: "failing", held: this.held, error: errorData(error) });
    if (this.#closed) return;
    const wait = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#failures - 1)) * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#drain();
    }, wait);
  }
}
