/** Workers of other queues, each in a process of its own. */

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Drained, Latency } from "./peer.ts";

/** What a worker process is told; each kind adds where its queue is. */
export interface WorkerOrder {
  readonly jobs: number;
}

/** What it says in the end. */
export interface WorkerReport {
  /** From the start of the first job to the end of the last. */
  readonly spanMs: number;
  readonly cpuMs: number;
  readonly pssBytes: number;
  readonly latencyUs: Latency;
}

export interface PeerProcess extends AsyncDisposable {
  /** Rejects when it ends without one. */
  readonly report: Promise<WorkerReport>;
}

/** `module`: a file beside this one. Resolves when the worker is connected; killed when disposed of. */
export async function startPeer(module: string, order: WorkerOrder): Promise<PeerProcess> {
  const child = fork(fileURLToPath(new URL(module, import.meta.url)), [JSON.stringify(order)]);
  const exited = once(child, "exit");
  const failed = exited.then(([code, signal]) => Promise.reject(new Error(`${module} ended with ${code ?? signal}`)));
  failed.catch(() => {});
  await Promise.race([once(child, "message"), failed]);
  const report = Promise.race([once(child, "message").then(([message]) => message as WorkerReport), failed]);
  report.catch(() => {});
  return {
    report,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

export function drainedOf({ spanMs, cpuMs, pssBytes }: WorkerReport, jobs: number): Drained {
  return { perSecond: (jobs / spanMs) * 1000, cpuUs: (cpuMs * 1000) / jobs, pssBytes };
}

/** In milliseconds. */
export function latencyOf({ latencyUs: { p50, p99, max } }: WorkerReport): Latency {
  return { p50: p50 / 1000, p99: p99 / 1000, max: max / 1000 };
}

/** As many at a time as `window`, until all are stored. */
export async function inFlight(count: number, window: number, add: () => Promise<unknown>): Promise<void> {
  let left = count;
  const one = async (): Promise<void> => {
    while (left-- > 0) await add();
  };
  await Promise.all(Array.from({ length: window }, one));
}
