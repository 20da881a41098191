/** Prometheus metrics of one worker. Tasks are counted as their events pass; everything else is read when it is scraped. */

import type { TaskEvent } from "@lovage/core/contracts";
import type { Worker } from "@lovage/core/engine";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { DepthSampler } from "./depth-sampler.ts";

const OUTCOMES: Readonly<Partial<Record<TaskEvent["type"], string>>> = {
  "task-succeeded": "succeeded",
  "task-failed": "failed",
  "task-retried": "retried",
  "task-cancelled": "cancelled",
  "task-expired": "expired",
  "task-released": "released",
  "task-lost": "lost",
};

const DURATION_BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800];

export interface Metrics {
  readonly contentType: string;
  /** The text that Prometheus reads. */
  text(): Promise<string>;
  /** Stops counting. */
  close(): void;
}

/** A child of a labelled metric, looked up once: a label lookup in prom-client costs more than the count. */
class Children<T> {
  readonly #make: (task: string, queue: string, outcome: string) => T;
  readonly #byTask = new Map<string, Map<string, T>>();

  constructor(make: (task: string, queue: string, outcome: string) => T) {
    this.#make = make;
  }

  of(task: string, queue: string, outcome: string): T {
    const known = this.#byTask.get(task) ?? new Map<string, T>();
    this.#byTask.set(task, known);
    const key = `${outcome} ${queue}`;
    const child = known.get(key) ?? this.#make(task, queue, outcome);
    known.set(key, child);
    return child;
  }
}

export function createMetrics(worker: Worker, sampler: DepthSampler): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> =>
    new Gauge({ name, help, labelNames, registers });

  const tasks = new Counter({
    name: "lovage_tasks_total",
    help: "Tasks by how their run or delivery ended",
    labelNames: ["task", "queue", "outcome"] as const,
    registers,
  });
  const durations = new Histogram({
    name: "lovage_task_duration_seconds",
    help: "How long successful runs took",
    labelNames: ["task", "queue"] as const,
    buckets: DURATION_BUCKETS,
    registers,
  });
  const stalls = new Counter({
    name: "lovage_task_stalls_total",
    help: "Reports of a task that blocked its executor",
    labelNames: ["task", "pool"] as const,
    registers,
  });
  const counts = new Children((task, queue, outcome) => tasks.labels({ task, queue, outcome }));
  const times = new Children((task, queue) => durations.labels({ task, queue }));

  const unlisten = worker.onEvent((event) => {
    if (event.type === "task-stalled") {
      stalls.inc({ task: event.task, pool: event.pool });
      return;
    }
    const outcome = OUTCOMES[event.type as TaskEvent["type"]];
    if (outcome === undefined) return;
    const { task, queue } = event as TaskEvent;
    counts.of(task, queue, outcome).inc();
    if (event.type === "task-succeeded" && event.durationMs !== undefined) {
      times.of(task, queue, "").observe(event.durationMs / 1_000);
    }
  });

  const up = gauge("lovage_worker_state", "1 for the worker's present state", ["state"]);
  const started = gauge("lovage_worker_start_time_seconds", "When the worker started, in seconds since the epoch");
  const info = gauge("lovage_worker_info", "Always 1; who this worker is", ["worker", "version", "broker"]);
  const connected = gauge("lovage_broker_connected", "1 while the broker is connected");
  const lag = gauge("lovage_engine_lag_seconds", "The longest the engine's own loop was held in the last minute");
  const rss = gauge("lovage_worker_resident_memory_bytes", "Resident memory of the worker's main process");
  const capacity = gauge("lovage_pool_capacity", "Slots of the pool in executors that are ready", ["pool", "kind"]);
  const free = gauge("lovage_pool_free", "Slots of the pool that are free", ["pool", "kind"]);
  const buffered = gauge("lovage_pool_buffered", "Deliveries held beyond the slots", ["pool", "kind"]);
  const executors = gauge("lovage_pool_executors", "Executors of the pool by state", ["pool", "kind", "state"]);
  const crashed = gauge("lovage_pool_executors_crashed", "Executors that crashed since the start", ["pool", "kind"]);
  const killed = gauge("lovage_pool_executors_killed", "Executors that were killed since the start", ["pool", "kind"]);
  const recycled = gauge("lovage_pool_executors_recycled", "Executors that were recycled since the start", [
    "pool",
    "kind",
  ]);
  const depth = gauge("lovage_queue_messages", "Messages in the queue by state, at most 5 s old", ["queue", "state"]);
  const sampleAge = gauge("lovage_queue_sample_age_seconds", "How old the numbers of the queues are");
  const oldest = gauge("lovage_queue_oldest_ready_seconds", "Age of the ready message that waited longest", ["queue"]);
  const credit = gauge("lovage_queue_credit", "The most deliveries this worker may hold of the queue", ["queue"]);
  const held = gauge("lovage_queue_held", "Deliveries of the queue that this worker holds", ["queue"]);

  const read = async (): Promise<void> => {
    const stats = worker.stats();
    for (const metric of [up, info, capacity, free, buffered, executors, depth, oldest, credit, held]) metric.reset();
    up.set({ state: stats.state }, 1);
    started.set(stats.identity.startedAt / 1_000);
    info.set({ worker: stats.identity.id, version: stats.identity.version, broker: stats.broker.name }, 1);
    connected.set(stats.broker.connected ? 1 : 0);
    lag.set(stats.engineLagMs / 1_000);
    rss.set(stats.rssBytes);
    for (const [pool, state] of Object.entries(stats.pools)) {
      const labels = { pool, kind: state.kind };
      capacity.set(labels, state.capacity);
      free.set(labels, state.free);
      buffered.set(labels, state.buffered);
      crashed.set(labels, state.crashed);
      killed.set(labels, state.killed);
      recycled.set(labels, state.recycled);
      for (const executor of state.executors) executors.inc({ ...labels, state: executor.state });
    }
    for (const [queue, state] of Object.entries(stats.queues)) {
      credit.set({ queue }, state.credit);
      held.set({ queue }, state.held);
    }
    for (const [queue, sample] of await sampler.read()) {
      for (const state of ["ready", "delayed", "owned", "dead"] as const) {
        const count = sample.depth[state];
        if (count !== undefined) depth.set({ queue, state }, count);
      }
      if (sample.oldestReadyMs !== undefined) oldest.set({ queue }, sample.oldestReadyMs / 1_000);
    }
    if (sampler.sampledAt !== undefined) sampleAge.set((Date.now() - sampler.sampledAt) / 1_000);
  };

  return {
    contentType: registry.contentType,
    async text() {
      await read();
      return registry.metrics();
    },
    close: unlisten,
  };
}
