import { Followers } from "@lovage/core/brokers";
import {
  BrokerClosedError,
  BrokerUnavailableError,
  DEFAULT_RESULT_TTL_MS,
  type Payload,
  type ResultRecord,
  type ResultState,
  type ResultStore,
  type ResultStoreCapabilities,
} from "@lovage/core/contracts";
import type { ResultRow } from "./sqlite-operations.ts";
import { type SqliteResultsOptions, storageSettings } from "./sqlite-options.ts";
import { enter, type Tenancy } from "./sqlite-sharing.ts";
import type { SqliteStore } from "./sqlite-store.ts";

const SWEEP_MS = 1_000;
/** Reading what is waited for takes at most about a tenth of the time, however many wait and however often others commit. */
const SHARE_OF_TIME = 10;

interface Waiter {
  /** Of the last record that it was given; 0: none. */
  version: number;
  give(record: ResultRecord): void;
}

/** Results in the broker's file or another one: new → (connect) connected → (close) closed. */
class SqliteResults implements ResultStore {
  readonly name = "sqlite";
  readonly capabilities: ResultStoreCapabilities = { keptFor: "anyone" };
  readonly #tenancy: Tenancy;
  readonly #waiters = new Map<string, Set<Waiter>>();
  readonly #followers = new Followers();
  #state: "new" | "connected" | "closed" = "new";
  #closing: Promise<void> | undefined;
  #sweeper: NodeJS.Timeout | undefined;
  #unwatch: (() => void) | undefined;
  #looking = false;
  #lookAgain = false;

  constructor(options: SqliteResultsOptions) {
    this.#tenancy = enter(storageSettings(options), "results");
  }

  async connect(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#state === "closed") throw new BrokerClosedError();
    await this.#store.open(options.signal);
    if (this.#state !== "new") return;
    this.#state = "connected";
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async write(records: readonly ResultRecord[]): Promise<void> {
    this.#check();
    if (records.length > 0) await this.#store.run("writeResults", records.map(rowOf));
  }

  async read(ids: readonly string[]): Promise<readonly (ResultRecord | undefined)[]> {
    this.#check();
    if (ids.length === 0) return [];
    const rows = await this.#store.run("readResults", ids);
    return rows.map((row) => (row === null ? undefined : recordOf(row)));
  }

  async *wait(id: string, options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<ResultRecord, void, void> {
    this.#check();
    yield* this.#followers.follow((give) => {
      // Registered before the first look, so that a write between the two is seen by the look that it causes.
      const waiter: Waiter = { version: 0, give };
      this.#register(id, waiter);
      this.#look();
      return () => this.#unregister(id, waiter);
    }, options.signal);
  }

  async forget(ids: readonly string[]): Promise<void> {
    this.#check();
    if (ids.length > 0) await this.#store.run("forgetResults", ids);
  }

  get #store(): SqliteStore {
    return this.#tenancy.store;
  }

  async #close(): Promise<void> {
    this.#state = "closed";
    clearInterval(this.#sweeper);
    this.#followers.close();
    this.#unwatch?.();
    this.#unwatch = undefined;
    await this.#tenancy.leave();
  }

  #check(): void {
    if (this.#state === "closed") throw new BrokerClosedError("the result store is closed; open a new one");
    if (this.#state === "new") {
      throw new BrokerUnavailableError("the result store is not connected; await connect() first");
    }
  }

  #register(id: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(id);
    if (waiters === undefined) this.#waiters.set(id, new Set([waiter]));
    else waiters.add(waiter);
    this.#unwatch ??= this.#store.watch("results", () => this.#look());
  }

  #unregister(id: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(id);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#waiters.delete(id);
    if (this.#waiters.size > 0) return;
    this.#unwatch?.();
    this.#unwatch = undefined;
  }

  /** One look at a time for all that is waited for; what was written meanwhile is seen by the next one. */
  #look(): void {
    if (this.#looking) {
      this.#lookAgain = true;
      return;
    }
    if (this.#waiters.size === 0) return;
    this.#looking = true;
    this.#lookAgain = false;
    const startedAt = performance.now();
    const over = (): void => {
      const took = performance.now() - startedAt;
      setTimeout(
        () => {
          this.#looking = false;
          if (this.#lookAgain) this.#look();
        },
        this.#waiters.size > SHARE_OF_TIME ? took * SHARE_OF_TIME : 0,
      ).unref();
    };
    this.#store.ask("readResults", [...this.#waiters.keys()], {
      done: (rows) => {
        for (const row of rows) if (row !== null) this.#give(row);
        over();
      },
      gaveUp: () => {
        // Nothing was learnt: look again, or a result might be missed.
        this.#lookAgain = true;
        over();
      },
      closed: () => {},
    });
  }

  #give(row: ResultRow): void {
    const [id, , , , , version] = row;
    for (const waiter of this.#waiters.get(id) ?? []) {
      if (waiter.version === version) continue;
      waiter.version = version;
      waiter.give(recordOf(row));
    }
  }

  #sweep(): void {
    this.#store.ask("sweep", null, { done: (more) => more && this.#sweep(), gaveUp: () => {}, closed: () => {} });
  }
}

function rowOf(record: ResultRecord): ResultRow {
  const { id, task, state, final, attempt, value, error, progress, worker, startedAt, finishedAt } = record;
  return [
    id,
    task,
    state,
    final ? 1 : 0,
    attempt,
    0,
    stored(value),
    error === undefined ? null : JSON.stringify(error),
    stored(progress),
    worker ?? null,
    startedAt ?? null,
    finishedAt ?? null,
    Math.max(1, Math.ceil(record.ttlMs ?? DEFAULT_RESULT_TTL_MS)),
  ];
}

function recordOf(row: ResultRow): ResultRecord {
  const [id, task, state, final, attempt, , value, error, progress, worker, startedAt, finishedAt, ttlMs] = row;
  return {
    id,
    task,
    state: state as ResultState,
    final: final === 1,
    attempt,
    ...(value === null ? {} : { value }),
    ...(error === null ? {} : { error: JSON.parse(error) }),
    ...(progress === null ? {} : { progress }),
    ...(worker === null ? {} : { worker }),
    ...(startedAt === null ? {} : { startedAt }),
    ...(finishedAt === null ? {} : { finishedAt }),
    ttlMs,
  };
}

/** node:sqlite binds an empty Uint8Array as NULL, which would mean that there is no value. */
function stored(payload: Payload | undefined): Payload | null {
  if (payload === undefined) return null;
  if (typeof payload === "string") return payload;
  return payload.byteLength === 0 ? "" : new Uint8Array(payload);
}

/**
 * Results in an SQLite file. On the broker's own file it shares the broker's connection and transactions. A string is the path of the
 * file. Throws `ConfigurationError` for options that cannot work; what is wrong with the file shows at `connect()`.
 */
export function sqliteResults(options: SqliteResultsOptions | string): ResultStore {
  return new SqliteResults(typeof options === "string" ? { path: options } : options);
}
