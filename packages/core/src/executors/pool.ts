/**
 * The runner: a `Pool` over any runtime.
 *
 * State     What holds                                                  Leads to
 * new       nothing exists                                              starting · closed
 * starting  executors come up; the first that cannot ends the start     running · closing
 * running   `run` is legal; executors come and go around the size       closing
 * closing   nothing new; executors end                                  closed
 */

import {
  ConfigurationError,
  ExecutorStartError,
  errorData,
  type LovageError,
  PoolBusyError,
  PoolClosedError,
} from "../contracts/errors.ts";
import type {
  Execution,
  Outcome,
  Pool,
  PoolCapabilities,
  PoolContext,
  PoolEvent,
  PoolStats,
  RunRequest,
} from "../contracts/pool.ts";
import type { RecycleOptions } from "../contracts/task.ts";
import { type EndReason, Executor, type ExecutorOwner } from "./executor.ts";
import { recycleRule } from "./recycling.ts";
import { Roster } from "./roster.ts";
import type { Run } from "./run.ts";
import type { ExecutorRuntime } from "./runtime.ts";
import { StartBackoff } from "./start-backoff.ts";
import { Turnover } from "./turnover.ts";
import { StallWatchdog } from "./watchdog.ts";

const DEFAULT_HOOK_TIMEOUT_MS = 10_000;
const DEFAULT_IMPORT_TIMEOUT_MS = 30_000;
const DEFAULT_STALL_MS = 1_000;
/** Hooks of executors that start together are spread over this long. */
const HOOK_SPREAD_MS = 100;

export interface PoolDesign {
  readonly kind: string;
  readonly capabilities: PoolCapabilities;
  readonly runtime: ExecutorRuntime;
  /** Slots to start with. */
  readonly size: number;
  /** Slots of each executor for a size of the whole pool. Throws `ConfigurationError` for a size that the pool cannot have. */
  layout(size: number): readonly number[];
  /** An executor may hold more than one run. */
  readonly shared: boolean;
  readonly recycle?: RecycleOptions | undefined;
  /** How long the import of the app module may take in an executor, in ms. Default 30,000. */
  readonly importTimeoutMs?: number | undefined;
}

/** Throws `ConfigurationError` at once for options that cannot work. */
export function createPool(design: PoolDesign): Pool {
  return new RunnerPool(design);
}

class RunnerPool implements Pool, ExecutorOwner {
  readonly kind: string;
  readonly capabilities: PoolCapabilities;
  readonly #design: PoolDesign;
  readonly #backoff = new StartBackoff();
  readonly #listeners = new Set<(event: PoolEvent) => void>();
  readonly #roster: Roster;
  readonly #turnover: Turnover;
  #state: "new" | "starting" | "running" | "closing" | "closed" = "new";
  #context!: PoolContext;
  #watchdog!: StallWatchdog;
  #target: number;
  #serving: Executor[] = [];
  #capacity = 0;
  #free = 0;
  #spawned = 0;
  #turn = 0;
  readonly #totals = { finished: 0, crashed: 0, recycled: 0, killed: 0 };
  #reaching: PromiseWithResolvers<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(design: PoolDesign) {
    this.#design = design;
    this.kind = design.kind;
    this.capabilities = design.capabilities;
    this.#target = design.size;
    design.layout(design.size);
    const layout = (): readonly number[] => design.layout(this.#target);
    this.#roster = new Roster({
      spawn: () => this.#spawn(),
      layout: () => layout().slice(0, this.#turnover.awake),
      changed: () => this.#recount(),
    });
    this.#turnover = new Turnover(recycleRule(design.recycle), this.#roster, () => layout().length);
  }

  get capacity(): number {
    return this.#capacity;
  }

  get free(): number {
    return this.#free;
  }

  async start(context: PoolContext): Promise<void> {
    if (this.#state !== "new")
      throw new ConfigurationError(`pool "${context.name}" was started before; make a new one`);
    const { isolation } = this.capabilities;
    if (context.app.url === undefined && isolation !== "none")
      throw new ConfigurationError(
        `pool "${context.name}" (${this.kind}) imports the app in its executors, but this app exists in memory only; ` +
          "export it from a module and give the worker that file, or use an inline pool",
        { subject: { pool: context.name } },
      );
    this.#context = context;
    this.#state = "starting";
    const stallMs = context.stallMs ?? DEFAULT_STALL_MS;
    this.#watchdog = new StallWatchdog(
      stallMs,
      () => this.#roster.all,
      (event) => this.emit(event),
    );
    this.#reaching = Promise.withResolvers();
    const reached = this.#reaching.promise;
    this.#roster.reconcile();
    try {
      await reached;
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#state = "running";
    this.#turnover.start(
      () => this.#serving,
      () => this.#reaching !== undefined,
    );
  }

  run(request: RunRequest): Execution {
    if (this.#state !== "running") throw new PoolClosedError(this.#context?.name ?? this.kind);
    const executor = this.#free > 0 ? this.#pick() : undefined;
    if (executor === undefined) throw new PoolBusyError(this.#context.name);
    this.#free--;
    this.#watchdog.wake();
    const run = executor.begin(request);
    if (this.#free === 0) this.#turnover.ranOut(this.#serving.length);
    return run;
  }

  async resize(size: number): Promise<void> {
    if (this.#state !== "running") throw new PoolClosedError(this.#context?.name ?? this.kind);
    this.#design.layout(size);
    this.#target = size;
    this.#turnover.wakeAll();
    this.#reaching ??= Promise.withResolvers();
    const reached = this.#reaching.promise;
    this.#roster.reconcile();
    await reached;
  }

  stats(): PoolStats {
    return {
      kind: this.kind,
      capacity: this.#capacity,
      free: this.#free,
      executors: [...this.#roster.all].map((executor) => executor.stats()),
      ...this.#totals,
    };
  }

  onEvent(listener: (event: PoolEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#state = "closing";
    this.#turnover.stop();
    this.#watchdog?.rest();
    this.#reaching?.reject(new PoolClosedError(this.#context.name));
    this.#reaching = undefined;
    await this.#roster.close();
    this.#state = "closed";
    this.#recount();
  }

  // ExecutorOwner

  ready(executor: Executor): void {
    this.#roster.ready(executor);
    if (this.#state === "running") this.#turnover.recycleDue();
  }

  startFailed(executor: Executor, error: LovageError): void {
    if (this.#state === "starting") {
      this.#roster.halt();
      this.#roster.gone(executor, 0);
      this.#reaching?.reject(error);
      return;
    }
    const retryInMs = this.#backoff.startFailed();
    this.emit({ type: "executor-start-failed", executor: executor.id, error: errorData(error), retryInMs });
    this.#reaching?.reject(error);
    this.#reaching = undefined;
    this.#roster.gone(executor, retryInMs);
  }

  changed(executor: Executor): void {
    if (executor.state === "ended") this.#roster.gone(executor, 0);
    else if (executor.state === "killing") this.#roster.reconcile();
    else this.#recount();
  }

  finished(executor: Executor, _run: Run, outcome: Outcome): void {
    this.#totals.finished++;
    if (executor.finished === 1 && outcome.type !== "crashed") this.#backoff.served();
    if (executor.state === "ready") {
      if (executor.running.size < executor.slots) this.#free++;
      if (this.#state === "running") this.#turnover.finished(executor);
    } else if (executor.state === "stalled") this.#recount();
    if (this.#reaching !== undefined) this.#settleSize();
  }

  ended(executor: Executor, reason: EndReason): void {
    if (reason === "crashed") this.#totals.crashed++;
    if (reason === "killed") this.#totals.killed++;
    if (reason === "recycled") this.#totals.recycled++;
    const lived = Date.now() - executor.startedAt;
    const retryInMs = reason === "crashed" ? this.#backoff.crashed(lived, executor.finished) : 0;
    if (retryInMs > 0) {
      const error = new ExecutorStartError(
        `executors end soon after their start; the next is started in ${retryInMs} ms`,
      );
      this.emit({ type: "executor-start-failed", executor: executor.id, error: errorData(error), retryInMs });
    }
    this.#roster.gone(executor, retryInMs);
  }

  emit(event: PoolEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #spawn(): Executor {
    const { name, worker, app, hookTimeoutMs = DEFAULT_HOOK_TIMEOUT_MS, stallMs = DEFAULT_STALL_MS } = this.#context;
    const { runtime, shared, importTimeoutMs = DEFAULT_IMPORT_TIMEOUT_MS } = this.#design;
    const first = this.#spawned === 0;
    return new Executor(
      {
        runtime,
        context: this.#context,
        init: {
          executor: `${name}#${++this.#spawned}`,
          ...(app.url === undefined ? {} : { url: app.url }),
          exportName: app.exportName,
          worker,
          hookTimeoutMs,
          pulseMs: stallMs / 4,
          hookDelayMs: first ? 0 : Math.round(Math.random() * HOOK_SPREAD_MS),
          shared,
          ...(shared && runtime.sharesMemory ? { board: new Int32Array(new SharedArrayBuffer(4)) } : {}),
        },
        startTimeoutMs: importTimeoutMs + hookTimeoutMs,
        killable: this.capabilities.kill !== "never",
      },
      this,
    );
  }

  /** A shared executor with the most room, or the next one that is free. */
  #pick(): Executor | undefined {
    const serving = this.#serving;
    let best: Executor | undefined;
    for (let step = 0; step < serving.length; step++) {
      this.#turn = (this.#turn + 1) % serving.length;
      const executor = serving[this.#turn] as Executor;
      if (executor.open <= (best?.open ?? 0)) continue;
      best = executor;
      if (!this.#design.shared) break;
    }
    return best;
  }

  #recount(): void {
    let capacity = 0;
    let free = 0;
    this.#serving = [];
    for (const executor of this.#roster.all) {
      capacity += executor.capacity;
      free += executor.open;
      if (executor.state === "ready" && executor.slots > 0) this.#serving.push(executor);
    }
    if (capacity !== this.#capacity || free !== this.#free) {
      this.#capacity = capacity;
      this.#free = free;
      this.emit({ type: "capacity-changed", capacity, free });
    }
    if (this.#reaching !== undefined) this.#settleSize();
  }

  /** The size asked for is reached when it is there, and nothing of the old size is left. */
  #settleSize(): void {
    const wanted = this.#design.layout(this.#target);
    const members = this.#roster.members();
    if (members.length !== wanted.length) return;
    if (members.some(({ state, slots, running }) => state === "starting" || running.size > slots)) return;
    for (const { state } of this.#roster.all)
      if (state === "retiring" || state === "stopping" || state === "killing") return;
    this.#reaching?.resolve();
    this.#reaching = undefined;
  }
}
