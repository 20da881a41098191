/** A pool on the public contract whose executions are ended by hand: tests decide what happens when, and nothing runs. */

import type {
  AbortReason,
  Execution,
  KillReason,
  Outcome,
  Pool,
  PoolCapabilities,
  PoolContext,
  PoolEvent,
  PoolStats,
  RunRequest,
} from "../../src/contracts/index.ts";
import { PoolBusyError } from "../../src/contracts/index.ts";

export class HandRun implements Execution {
  readonly request: RunRequest;
  readonly outcome: Promise<Outcome>;
  readonly aborts: AbortReason[] = [];
  readonly kills: KillReason[] = [];
  readonly #end: (outcome: Outcome) => void;

  constructor(request: RunRequest, ended: () => void) {
    this.request = request;
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.outcome = promise;
    let over = false;
    this.#end = (outcome) => {
      if (over) return;
      over = true;
      ended();
      resolve(outcome);
    };
  }

  end(outcome: Outcome): void {
    this.#end(outcome);
  }

  returns(value?: string, durationMs = 1): void {
    this.#end({ type: "returned", startedAt: Date.now(), durationMs, ...(value === undefined ? {} : { value }) });
  }

  throws(message = "boom"): void {
    this.#end({ type: "threw", error: { name: "Error", message } });
  }

  abort(reason: AbortReason): void {
    this.aborts.push(reason);
  }

  async kill(reason: KillReason): Promise<void> {
    this.kills.push(reason);
    this.#end({ type: "killed", reason });
  }
}

export class HandPool implements Pool {
  readonly kind = "hand";
  readonly capabilities: PoolCapabilities;
  capacity: number;
  readonly running: Set<HandRun> = new Set();
  readonly runs: HandRun[] = [];
  context: PoolContext | undefined;
  closed = false;
  #listeners = new Set<(event: PoolEvent) => void>();
  #waiters: (() => void)[] = [];

  constructor(capacity: number, capabilities: Partial<PoolCapabilities> = {}) {
    this.capacity = capacity;
    this.capabilities = {
      isolation: "loop",
      kill: "javascript",
      killTakesNeighbours: true,
      recycles: false,
      reportsMemory: false,
      passing: "copy",
      ...capabilities,
    };
  }

  get free(): number {
    return this.capacity - this.running.size;
  }

  async start(context: PoolContext): Promise<void> {
    this.context = context;
  }

  run(request: RunRequest): Execution {
    if (this.free <= 0) throw new PoolBusyError("hand");
    const run = new HandRun(request, () => this.running.delete(run));
    this.running.add(run);
    this.runs.push(run);
    for (const wake of this.#waiters.splice(0)) wake();
    return run;
  }

  /** The n-th run ever begun, from 0, as soon as there is one. */
  async nth(index: number): Promise<HandRun> {
    while (this.runs.length <= index) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    return this.runs[index] as HandRun;
  }

  async resize(size: number): Promise<void> {
    this.capacity = size;
    this.emit({ type: "capacity-changed", capacity: this.capacity, free: this.free });
  }

  emit(event: PoolEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  stats(): PoolStats {
    const { kind, capacity, free } = this;
    return { kind, capacity, free, executors: [], finished: 0, crashed: 0, recycled: 0, killed: 0 };
  }

  onEvent(listener: (event: PoolEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const run of this.running) run.end({ type: "abandoned", reason: "closed" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
