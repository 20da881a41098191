/** Counters of a worker's life, in total and per task. */

import type { TaskTotals } from "./worker-types.ts";

export class TaskCounters {
  received = 0;
  succeeded = 0;
  failed = 0;
  retried = 0;
  released = 0;
  cancelled = 0;
  expired = 0;
  stalled = 0;
  runs = 0;
  totalMs = 0;
  maxMs = 0;

  ran(durationMs: number): void {
    this.runs++;
    this.totalMs += durationMs;
    if (durationMs > this.maxMs) this.maxMs = durationMs;
  }

  totals(): TaskTotals {
    const { received, succeeded, failed, retried, released, cancelled, expired, stalled } = this;
    return { received, succeeded, failed, retried, released, cancelled, expired, stalled };
  }
}

export class Statistics {
  readonly tasks: Map<string, TaskCounters> = new Map();
  readonly startedAt: number = Date.now();

  of(task: string): TaskCounters {
    let counters = this.tasks.get(task);
    if (counters === undefined) {
      counters = new TaskCounters();
      this.tasks.set(task, counters);
    }
    return counters;
  }

  totals(): TaskTotals {
    const sum = new TaskCounters();
    for (const counters of this.tasks.values()) {
      sum.received += counters.received;
      sum.succeeded += counters.succeeded;
      sum.failed += counters.failed;
      sum.retried += counters.retried;
      sum.released += counters.released;
      sum.cancelled += counters.cancelled;
      sum.expired += counters.expired;
      sum.stalled += counters.stalled;
    }
    return sum.totals();
  }

  perTask(): Record<string, TaskTotals & { meanMs: number; maxMs: number }> {
    const out: Record<string, TaskTotals & { meanMs: number; maxMs: number }> = {};
    for (const [task, counters] of this.tasks) {
      const meanMs = counters.runs === 0 ? 0 : counters.totalMs / counters.runs;
      out[task] = { ...counters.totals(), meanMs, maxMs: counters.maxMs };
    }
    return out;
  }
}
