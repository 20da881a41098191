import { randomUUID } from "node:crypto";
import { AwaitedResults } from "@lovage/core/brokers";
import { BrokerClosedError, type ResultRecord, type ResultStore } from "@lovage/core/contracts";

/** Where callers are reached, by address. */
export type Callers = Map<string, (record: ResultRecord) => void>;

/** Keeps every promise of a store that keeps results for their callers, to be broken: all in this process. */
export class MemoryReplies implements ResultStore {
  readonly name = "memory replies";
  readonly capabilities = { keptFor: "caller" } as const;
  readonly #address: string = randomUUID();
  readonly #callers: Callers;
  readonly #awaited = new AwaitedResults({ name: this.name, maxKept: 10_000 });
  #closed = false;

  constructor(callers: Callers) {
    this.#callers = callers;
  }

  async connect(): Promise<void> {
    this.#check();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#callers.delete(this.#address);
    this.#awaited.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async expect(ids: readonly string[]): Promise<string> {
    this.#check();
    this.#awaited.expect(ids);
    this.#callers.set(this.#address, (record) => this.#awaited.arrived(record));
    return this.#address;
  }

  async write(records: readonly ResultRecord[]): Promise<void> {
    this.#check();
    // On its way for a moment, as over a wire.
    setImmediate(() => {
      for (const record of records) this.#callers.get(record.replyTo ?? "")?.(record);
    });
  }

  async read(ids: readonly string[]): Promise<readonly (ResultRecord | undefined)[]> {
    this.#check();
    return ids.map((id) => this.#awaited.read(id));
  }

  async *wait(id: string, options: { readonly signal?: AbortSignal } = {}): AsyncIterable<ResultRecord> {
    this.#check();
    yield* this.#awaited.wait(id, options.signal);
  }

  async forget(ids: readonly string[]): Promise<void> {
    this.#check();
    this.#awaited.forget(ids);
  }

  #check(): void {
    if (this.#closed) throw new BrokerClosedError("the result store is closed; open a new one");
  }
}
