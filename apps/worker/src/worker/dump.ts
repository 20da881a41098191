import type { Worker } from "@lovage/core/engine";
import { formatMs } from "../output/format.ts";
import type { Log } from "../output/log.ts";

/** Everything that runs or waits in the worker, as log lines: what SIGUSR2 asks for. */
export function dumpTasks(worker: Worker, log: Log): void {
  const stats = worker.stats();
  const active = worker.active();
  log.write(
    "info",
    `dump: worker is ${stats.state}, ${active.length} running, ${worker.reserved().length} waiting in buffers`,
    {
      engineLagMs: Math.round(stats.engineLagMs),
      rssBytes: stats.rssBytes,
      brokerConnected: stats.broker.connected,
    },
  );
  for (const [name, pool] of Object.entries(stats.pools)) {
    log.write("info", `dump: pool ${name}: ${pool.capacity - pool.free} of ${pool.capacity} slots taken`, {
      kind: pool.kind,
      executors: pool.executors.map((executor) => `${executor.id} ${executor.state}`),
    });
  }
  for (const task of [...active].sort((a, b) => b.runningMs - a.runningMs)) {
    log.write(
      "info",
      `dump: ${task.task} runs for ${formatMs(task.runningMs)}${task.stalled ? " and blocks its executor" : ""}`,
      {
        id: task.id,
        queue: task.queue,
        pool: task.pool,
        attempt: task.attempt,
      },
    );
  }
}
