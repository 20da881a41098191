import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type AppSource,
  type Execution,
  type Outcome,
  type OutgoingMessage,
  type Pool,
  type PoolContext,
  type PoolEvent,
  PublishRefusedError,
  type ResultRecord,
  type RunRequest,
  type TaskLogEntry,
  type TaskProgressEntry,
} from "@lovage/core/contracts";
import { loadApp } from "@lovage/core/executors";
import { type EventLog, eventLog, eventually } from "@lovage/core/testing";
import type { Scenario } from "../scenario.ts";
import type { Tolerance } from "../tolerance.ts";
import type { PoolFacts, PoolHarness, PoolSettings } from "./harness.ts";

export type PoolScenario = Scenario<PoolTrial, PoolFacts>;

export type OutcomeOf<T extends Outcome["type"]> = Extract<Outcome, { type: T }>;

const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
const appUrl = (name: string): string => new URL(`./apps/${name}${extension}`, import.meta.url).href;

export interface StartOptions extends Partial<Pick<PoolContext, "stallMs" | "hookTimeoutMs">> {
  /** Name of a module beside `apps/tasks`. */
  readonly module?: string;
}

/** What a scenario of the pool kit works with. Everything is closed afterwards. */
export class PoolTrial {
  readonly facts: PoolFacts;
  readonly tolerance: Tolerance;
  /** What tasks logged and reported, in the order in which the pool handed it over. */
  readonly logs: TaskLogEntry[] = [];
  readonly progress: TaskProgressEntry[] = [];
  /** What tasks published through the engine. */
  readonly published: OutgoingMessage[] = [];
  /** Process ids of all executors seen. */
  readonly pids: Set<number> = new Set();
  readonly #harness: PoolHarness;
  readonly #pools: Pool[] = [];
  readonly #logged = new Set<() => void>();

  constructor(harness: PoolHarness, facts: PoolFacts, tolerance: Tolerance) {
    this.#harness = harness;
    this.facts = facts;
    this.tolerance = tolerance;
  }

  create(settings: PoolSettings = {}): Pool {
    const pool = this.#harness.create(settings);
    this.#pools.push(pool);
    pool.onEvent((event) => {
      if (event.type !== "executor-started") return;
      for (const { pid } of pool.stats().executors) if (pid !== undefined && pid !== process.pid) this.pids.add(pid);
    });
    return pool;
  }

  async context(options: StartOptions = {}): Promise<PoolContext> {
    const { module, ...rest } = options;
    const app: AppSource = await loadApp(appUrl("tasks"));
    return {
      name: "kit",
      app: module === undefined ? app : { ...app, url: appUrl(module) },
      worker: { id: "kit", host: "localhost", pid: process.pid, startedAt: Date.now(), version: "0" },
      client: {
        publish: async (messages) => {
          this.published.push(...messages);
          return messages.map(({ id, queue }) =>
            queue === "refused"
              ? { id, status: "refused", error: new PublishRefusedError("the queue is closed") }
              : { id, status: "accepted" },
          );
        },
        read: async (ids) => ids.map(() => undefined),
        waitFinal: async (): Promise<ResultRecord | undefined> => undefined,
        cancel: async (ids) => ids.map(() => "not-found") as never,
      },
      onProgress: (entries) => void this.progress.push(...entries),
      onLog: (entries) => {
        this.logs.push(...entries);
        for (const look of [...this.#logged]) look();
      },
      ...rest,
    };
  }

  /** A started pool. */
  async start(settings: PoolSettings = {}, options: StartOptions = {}): Promise<Pool> {
    const pool = this.create(settings);
    await pool.start(await this.context(options));
    return pool;
  }

  request(task: string, args: readonly unknown[] = [], parts: Partial<RunRequest> = {}): RunRequest {
    const headers = { task };
    const body = JSON.stringify([args, {}, {}]);
    return { id: randomUUID(), task, queue: "kit", headers, body, attempt: 1, deliveries: 1, retriesLeft: 0, ...parts };
  }

  run(pool: Pool, task: string, ...args: unknown[]): Execution {
    return pool.run(this.request(task, args));
  }

  /** A run whose task has logged that it began. */
  async begun(pool: Pool, task: string, ...args: unknown[]): Promise<Execution> {
    const request = this.request(task, args);
    const execution = pool.run(request);
    await this.logged(`task ${task} to begin`, ({ id, message }) => id === request.id && message === "begun");
    return execution;
  }

  /** A run that is inside a native call, and the id of the process that it waits for. */
  async inNativeCall(pool: Pool, seconds: number): Promise<{ execution: Execution; pid: number }> {
    const folder = mkdtempSync(join(tmpdir(), "lovage-kit-"));
    const marker = join(folder, "pid");
    const execution = this.run(pool, "sleeps.natively", seconds, marker);
    let pid = 0;
    await this.until("the native call to begin", () => {
      pid = existsSync(marker) ? Number(readFileSync(marker, "utf8")) : 0;
      return pid > 0;
    });
    rmSync(folder, { recursive: true });
    return { execution, pid };
  }

  async logged(what: string, matches: (entry: TaskLogEntry) => boolean): Promise<TaskLogEntry> {
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#logged.delete(look);
        reject(new Error(`waited in vain for ${what}`));
      }, this.tolerance.patienceMs);
      const look = (): void => {
        const found = this.logs.find(matches);
        if (found === undefined) return;
        clearTimeout(timer);
        this.#logged.delete(look);
        resolve(found);
      };
      this.#logged.add(look);
      look();
    });
  }

  /** The outcome, which must be of this type. */
  async ends<T extends Outcome["type"]>(execution: Execution, type: T): Promise<OutcomeOf<T>> {
    const outcome = await execution.outcome;
    assert.equal(outcome.type, type, `the outcome is ${JSON.stringify(outcome)}`);
    return outcome as OutcomeOf<T>;
  }

  /** What a task returned, decoded. */
  async value(pool: Pool, task: string, ...args: unknown[]): Promise<unknown> {
    const { value } = await this.ends(this.run(pool, task, ...args), "returned");
    return value === undefined ? undefined : JSON.parse(Buffer.from(value as string).toString());
  }

  events(pool: Pool): EventLog<PoolEvent> {
    const log = eventLog(pool);
    const patience = { timeoutMs: this.tolerance.patienceMs };
    return { ...log, next: (type, matches, options) => log.next(type, matches, { ...patience, ...options }) };
  }

  /** Waits until the pool has all its slots, free. */
  async whole(pool: Pool, slots: number): Promise<void> {
    await this.until(`${slots} free slots`, () => pool.capacity === slots && pool.free === slots);
  }

  async until<T>(what: string, probe: () => T | Promise<T>): Promise<void> {
    await eventually(what, probe, { timeoutMs: this.tolerance.patienceMs });
  }

  async end(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.close()));
    for (const pid of this.pids) assert.equal(isAlive(pid), false, `process ${pid} is still there after close()`);
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export const isolated = ({ isolation }: PoolFacts): boolean => isolation !== "none";
