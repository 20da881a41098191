/** What the worker processes of all peers do alike: count jobs, note their times, report. */

import { createHistogram } from "node:perf_hooks";
import { now } from "../measure/marks.ts";
import { treeCpuMs, treePss } from "../measure/process-tree.ts";
import type { WorkerOrder, WorkerReport } from "./peer-process.ts";

const order = JSON.parse(process.argv[2] as string) as WorkerOrder;

const latency = createHistogram({ figures: 3 });
let firstStartedAt: number | undefined;
let done = 0;
let cpuBefore = 0;

export function orderOf<Order extends WorkerOrder>(): Order {
  return order as Order;
}

/** Connected; work begins now. */
export function ready(): void {
  cpuBefore = treeCpuMs(process.pid);
  process.send?.("ready");
}

export function began(data?: { readonly enqueuedAt?: number }): void {
  firstStartedAt ??= performance.now();
  if (data?.enqueuedAt !== undefined) latency.record(Math.max(1, Math.round((now() - data.enqueuedAt) * 1000)));
}

export function ended(): void {
  if (++done !== order.jobs) return;
  const report: WorkerReport = {
    spanMs: performance.now() - (firstStartedAt ?? 0),
    cpuMs: treeCpuMs(process.pid) - cpuBefore,
    pssBytes: treePss(process.pid),
    latencyUs: { p50: latency.percentile(50), p99: latency.percentile(99), max: latency.max },
  };
  process.send?.(report);
}
