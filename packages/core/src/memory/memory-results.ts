import { Followers } from "../brokers/index.ts";
import {
  BrokerClosedError,
  BrokerUnavailableError,
  type ResultRecord,
  type ResultStore,
  type ResultStoreCapabilities,
} from "../contracts/index.ts";
import { systemClock } from "./clock.ts";
import type { MemoryResultsOptions } from "./memory-options.ts";
import { ResultTable } from "./result-table.ts";

/** new → (connect) connected → (close) closed. */
class MemoryResults implements ResultStore {
  readonly name = "memory";
  readonly capabilities: ResultStoreCapabilities = { keptFor: "anyone" };
  readonly #table: ResultTable;
  readonly #followers = new Followers();
  #state: "new" | "connected" | "closed" = "new";

  constructor(table: ResultTable) {
    this.#table = table;
  }

  async connect(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    options.signal?.throwIfAborted();
    if (this.#state === "closed") throw new BrokerClosedError();
    this.#state = "connected";
  }

  async close(): Promise<void> {
    this.#state = "closed";
    this.#followers.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async write(records: readonly ResultRecord[]): Promise<void> {
    const table = this.#connected();
    for (const record of records) table.write(record);
  }

  async read(ids: readonly string[]): Promise<readonly (ResultRecord | undefined)[]> {
    const table = this.#connected();
    return ids.map((id) => table.read(id));
  }

  async forget(ids: readonly string[]): Promise<void> {
    const table = this.#connected();
    for (const id of ids) table.forget(id);
  }

  async *wait(id: string, options: { readonly signal?: AbortSignal } = {}): AsyncIterable<ResultRecord> {
    const table = this.#connected();
    yield* this.#followers.follow((give) => {
      const unwatch = table.watch(id, give);
      const present = table.read(id);
      if (present !== undefined) give(present);
      return unwatch;
    }, options.signal);
  }

  #connected(): ResultTable {
    if (this.#state === "connected") return this.#table;
    if (this.#state === "closed") throw new BrokerClosedError("the result store is closed; open a new one");
    throw new BrokerUnavailableError("the result store is not connected; await connect() first");
  }
}

/** The reference result store, in this process's memory. Without `server` it has records of its own. */
export function memoryResults(options: MemoryResultsOptions = {}): ResultStore {
  return new MemoryResults(options.server?.results ?? new ResultTable(options.clock ?? systemClock));
}
