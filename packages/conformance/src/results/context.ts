import { randomUUID } from "node:crypto";
import type { ResultRecord, ResultStore, ResultStoreCapabilities } from "@lovage/core/contracts";
import { eventually } from "@lovage/core/testing";
import type { Scenario } from "../scenario.ts";
import type { Tolerance } from "../tolerance.ts";
import type { ResultStoreHarness } from "./harness.ts";

export type ResultScenario = Scenario<ResultContext, ResultStoreCapabilities>;

/** What a scenario of the result-store kit works with. Records have ids of their own and are forgotten afterwards. */
export class ResultContext {
  readonly harness: ResultStoreHarness;
  readonly tolerance: Tolerance;
  readonly #stores: ResultStore[] = [];
  readonly #ids: string[] = [];
  readonly #capabilities: ResultStoreCapabilities;
  #main: Promise<ResultStore> | undefined;

  constructor(harness: ResultStoreHarness, capabilities: ResultStoreCapabilities, tolerance: Tolerance) {
    this.harness = harness;
    this.#capabilities = capabilities;
    this.tolerance = tolerance;
  }

  /** The main connection. */
  store(): Promise<ResultStore> {
    this.#main ??= this.connect();
    return this.#main;
  }

  async connect(): Promise<ResultStore> {
    const store = await this.harness.create();
    this.#stores.push(store);
    await store.connect();
    return store;
  }

  id(): string {
    const id = randomUUID();
    this.#ids.push(id);
    return id;
  }

  /** A record of attempt 1 that succeeded, unless `parts` say otherwise. */
  record(id: string, parts: Partial<ResultRecord> = {}): ResultRecord {
    return {
      id,
      task: "conformance",
      state: "succeeded",
      final: true,
      attempt: 1,
      finishedAt: 1_893_456_000_000,
      ...parts,
    };
  }

  /** A store that has been told that these tasks are enqueued, the ids, and the address where their records are to be sent. */
  async caller(count = 1): Promise<{ store: ResultStore; ids: readonly string[]; replyTo: string }> {
    const store = await this.connect();
    const ids = Array.from({ length: count }, () => this.id());
    return { store, ids, replyTo: await expecting(store, ids) };
  }

  elapse(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  async until<T>(
    what: string,
    probe: () => T | Promise<T>,
    withinMs: number = this.tolerance.patienceMs,
  ): Promise<void> {
    await eventually(what, probe, { timeoutMs: withinMs });
  }

  async end(passed: boolean): Promise<void> {
    for (const store of this.#stores) await store.close();
    if (!passed || this.#ids.length === 0 || this.#capabilities.keptFor === "caller") return;
    const store = await this.harness.create();
    await store.connect();
    await store.forget(this.#ids);
    await store.close();
  }
}

export async function expecting(store: ResultStore, ids: readonly string[]): Promise<string> {
  if (store.expect === undefined) throw new Error("a store that keeps results for callers has a method expect()");
  return store.expect(ids);
}
