/** Results that come to whoever enqueued the task, in this process's memory: what a store promises that keeps them for the caller. */

import { DEFAULT_RESULT_TTL_MS, ResultElsewhereError, ResultLostError, type ResultRecord } from "../contracts/index.ts";
import { Followers } from "./followers.ts";

/** Of one id: expected, arrived, or lost. */
interface Awaited {
  record: ResultRecord | undefined;
  expiresAt: number;
  /** Why it may never arrive. */
  lost: string | undefined;
}

interface Watcher {
  give(record: ResultRecord): void;
  fail(error: Error): void;
}

export interface AwaitedResultsOptions {
  /** Of the store, for messages. */
  readonly name: string;
  /** How many records that have arrived are kept at most; of more the oldest go first. */
  readonly maxKept: number;
}

/** Ids cost some hundred bytes each; beyond this the oldest are not known any more. */
const MOST_KNOWN = 1_000_000;
const SWEEP_MS = 10_000;

export class AwaitedResults {
  readonly #options: AwaitedResultsOptions;
  readonly #awaited = new Map<string, Awaited>();
  /** In the order of their coming. */
  readonly #arrived = new Set<string>();
  readonly #watchers = new Map<string, Set<Watcher>>();
  readonly #followers = new Followers();
  #sweeping: NodeJS.Timeout | undefined;

  constructor(options: AwaitedResultsOptions) {
    this.#options = options;
  }

  expect(ids: readonly string[]): void {
    for (const id of ids) {
      if (this.#awaited.has(id)) continue;
      this.#awaited.set(id, { record: undefined, expiresAt: Number.POSITIVE_INFINITY, lost: undefined });
    }
    for (const [id] of this.#awaited) {
      if (this.#awaited.size <= MOST_KNOWN) break;
      this.#drop(id);
    }
  }

  /** Compare-and-set, as the contract says. What nobody expects here is not kept. */
  arrived(record: ResultRecord): void {
    const { id } = record;
    const awaited = this.#awaited.get(id);
    if (awaited === undefined) return;
    const present = awaited.record;
    if (present !== undefined && (present.final || present.attempt > record.attempt)) return;
    awaited.record = record;
    awaited.lost = undefined;
    awaited.expiresAt = Date.now() + (record.ttlMs ?? DEFAULT_RESULT_TTL_MS);
    this.#arrived.delete(id);
    this.#arrived.add(id);
    for (const { give } of [...(this.#watchers.get(id) ?? [])]) give(record);
    this.#makeRoom();
    this.#sweeping ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  /** What is expected and not final may have been sent meanwhile, to nobody. */
  lose(why: string): void {
    for (const [id, awaited] of this.#awaited) {
      if (awaited.record?.final === true || awaited.lost !== undefined) continue;
      awaited.lost = why;
      for (const { fail } of [...(this.#watchers.get(id) ?? [])]) fail(new ResultLostError(id, why));
    }
  }

  /** Throws `ResultElsewhereError` or `ResultLostError`. */
  read(id: string): ResultRecord | undefined {
    const awaited = this.#awaited.get(id);
    if (awaited === undefined || awaited.expiresAt <= Date.now())
      throw new ResultElsewhereError(id, this.#options.name);
    if (awaited.lost !== undefined) throw new ResultLostError(id, awaited.lost);
    return awaited.record;
  }

  async *wait(id: string, signal: AbortSignal | undefined): AsyncGenerator<ResultRecord, void, void> {
    const present = this.read(id);
    yield* this.#followers.follow((give, fail) => {
      if (present !== undefined) give(present);
      const watcher = { give, fail };
      const watchers = this.#watchers.get(id) ?? new Set();
      this.#watchers.set(id, watchers.add(watcher));
      return () => {
        watchers.delete(watcher);
        if (watchers.size === 0 && this.#watchers.get(id) === watchers) this.#watchers.delete(id);
      };
    }, signal);
  }

  forget(ids: readonly string[]): void {
    for (const id of ids) this.#drop(id);
  }

  close(): void {
    clearInterval(this.#sweeping);
    this.#followers.close();
    this.#awaited.clear();
    this.#arrived.clear();
  }

  #makeRoom(): void {
    const { maxKept } = this.#options;
    for (const id of this.#arrived) {
      if (this.#arrived.size <= maxKept) return;
      this.#arrived.delete(id);
      const awaited = this.#awaited.get(id);
      if (awaited === undefined) continue;
      awaited.record = undefined;
      awaited.lost = `more than ${maxKept} results arrived and this was the oldest of them`;
    }
  }

  #sweep(): void {
    const now = Date.now();
    for (const id of this.#arrived) if ((this.#awaited.get(id)?.expiresAt ?? 0) <= now) this.#drop(id);
    if (this.#arrived.size > 0) return;
    clearInterval(this.#sweeping);
    this.#sweeping = undefined;
  }

  #drop(id: string): void {
    this.#awaited.delete(id);
    this.#arrived.delete(id);
  }
}
