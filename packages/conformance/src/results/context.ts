import { randomUUID } from "node:crypto";
import type { ResultRecord, ResultStore } from "@lovage/core/contracts";
import { eventually } from "@lovage/core/testing";
import type { Scenario } from "../scenario.ts";
import type { Tolerance } from "../tolerance.ts";
import type { ResultStoreHarness } from "./harness.ts";

export type ResultScenario = Scenario<ResultContext, unknown>;

/** What a scenario of the result-store kit works with. Records have ids of their own and are forgotten afterwards. */
export class ResultContext {
  readonly harness: ResultStoreHarness;
  readonly tolerance: Tolerance;
  readonly #stores: ResultStore[] = [];
  readonly #ids: string[] = [];
  #main: Promise<ResultStore> | undefined;

  constructor(harness: ResultStoreHarness, tolerance: Tolerance) {
    this.harness = harness;
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
    if (!passed || this.#ids.length === 0) return;
    const store = await this.harness.create();
    await store.connect();
    await store.forget(this.#ids);
    await store.close();
  }
}
