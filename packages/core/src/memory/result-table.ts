import { DEFAULT_RESULT_TTL_MS, type ResultRecord } from "../contracts/index.ts";
import { Alarm } from "./alarm.ts";
import type { Clock } from "./clock.ts";
import { Heap, type Heaped } from "./heap.ts";

interface Kept extends Heaped {
  readonly record: ResultRecord;
  readonly expiresAt: number;
}

/** The latest record of each id, until it expires, and those who wait for the next. */
export class ResultTable {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();
  readonly #byExpiry = new Heap<Kept>((a, b) => a.expiresAt < b.expiresAt);
  readonly #watchers = new Map<string, Set<(record: ResultRecord) => void>>();
  readonly #alarm: Alarm;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#alarm = new Alarm(clock, () => this.#expire(), { keepAlive: false });
  }

  /** Compare-and-set: a final record stays, and so does one of a later attempt. */
  write(record: ResultRecord): void {
    const present = this.read(record.id);
    if (present !== undefined && (present.final || present.attempt > record.attempt)) return;
    this.forget(record.id);
    const { value, progress } = record;
    const copy = {
      ...record,
      ...(value instanceof Uint8Array ? { value: value.slice() } : {}),
      ...(progress instanceof Uint8Array ? { progress: progress.slice() } : {}),
    };
    const expiresAt = this.#clock.now() + (record.ttlMs ?? DEFAULT_RESULT_TTL_MS);
    const kept: Kept = { record: copy, expiresAt, heapIndex: -1 };
    this.#kept.set(record.id, kept);
    this.#byExpiry.push(kept);
    this.#alarm.by(expiresAt);
    for (const watcher of [...(this.#watchers.get(record.id) ?? [])]) watcher(copy);
  }

  read(id: string): ResultRecord | undefined {
    const kept = this.#kept.get(id);
    return kept === undefined || kept.expiresAt <= this.#clock.now() ? undefined : kept.record;
  }

  forget(id: string): void {
    const kept = this.#kept.get(id);
    if (kept === undefined) return;
    this.#kept.delete(id);
    this.#byExpiry.remove(kept);
  }

  /** Called with every record of `id` written from now on. Returns the function that ends it. */
  watch(id: string, watcher: (record: ResultRecord) => void): () => void {
    const watchers = this.#watchers.get(id) ?? new Set();
    this.#watchers.set(id, watchers.add(watcher));
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.#watchers.get(id) === watchers) this.#watchers.delete(id);
    };
  }

  #expire(): void {
    const now = this.#clock.now();
    for (let next = this.#byExpiry.peek(); next !== undefined; next = this.#byExpiry.peek()) {
      if (next.expiresAt > now) {
        this.#alarm.by(next.expiresAt);
        return;
      }
      this.forget(next.record.id);
    }
  }
}
