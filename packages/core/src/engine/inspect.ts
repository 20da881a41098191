/** What a worker tells about itself: the answers of `stats`, `active`, `reserved`, `registered` and `conf`. Plain data. */

import type { Broker } from "../contracts/index.ts";
import type { Kernel } from "./kernel.ts";
import type { Watchdog } from "./watchdog.ts";
import type { ActiveTask, ReservedTask, WorkerStats } from "./worker-types.ts";

export function statsOf(kernel: Kernel, watchdog: Watchdog, connected: boolean): WorkerStats {
  const broker: Broker = kernel.broker;
  const pools: Record<string, WorkerStats["pools"][string]> = {};
  for (const lane of kernel.lanes) {
    const queues = lane.queues.map((queue) => queue.name);
    pools[lane.name] = { ...lane.pool.stats(), buffered: lane.waiting.size, queues };
  }
  const queues: Record<string, WorkerStats["queues"][string]> = {};
  for (const queue of kernel.queues) {
    const { credit, held, weight } = queue;
    queues[queue.name] = { pool: queue.pool.name, credit, held, weight };
  }
  return {
    identity: kernel.identity,
    state: kernel.state,
    uptimeMs: Date.now() - kernel.identity.startedAt,
    totals: kernel.statistics.totals(),
    tasks: kernel.statistics.perTask(),
    pools,
    queues,
    broker: { name: broker.name, address: broker.address, connected },
    engineLagMs: watchdog.engineLagMs,
    rssBytes: process.memoryUsage.rss(),
  };
}

export function activeOf(kernel: Kernel): ActiveTask[] {
  const now = performance.now();
  const out: ActiveTask[] = [];
  for (const held of kernel.held.values()) {
    if (held.state !== "running") continue;
    out.push({
      id: held.id,
      task: held.policy.name,
      queue: held.queue.name,
      pool: held.pool.name,
      attempt: held.attempt,
      startedAt: performance.timeOrigin + held.startedAt,
      runningMs: now - held.startedAt,
      stalled: held.stalled,
    });
  }
  return out;
}

export function reservedOf(kernel: Kernel): ReservedTask[] {
  const now = Date.now();
  const out: ReservedTask[] = [];
  for (const held of kernel.held.values()) {
    if (held.state !== "waiting") continue;
    out.push({ id: held.id, task: held.policy.name, queue: held.queue.name, heldMs: now - held.receivedAt });
  }
  return out;
}

/** Every registered task with its options and the level that set each. */
export function configurationOf(kernel: Kernel): Record<string, unknown> {
  const tasks: Record<string, unknown> = {};
  for (const name of kernel.app.tasks.names()) tasks[name] = kernel.policy(name);
  const queues: Record<string, unknown> = {};
  for (const queue of kernel.queues)
    queues[queue.name] = { pool: queue.pool.name, weight: queue.weight, leaseMs: queue.leaseMs };
  return { tasks, queues, maxStarts: kernel.maxStarts, maxDeliveries: kernel.maxDeliveries };
}
