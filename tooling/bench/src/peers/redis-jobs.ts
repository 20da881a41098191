/** Queues of jobs in Redis as they are measured: a producer here, a worker in a process of its own. */

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { BenchPlace, BROKERS, type BrokerKind } from "../measure/bench-place.ts";
import { now } from "../measure/marks.ts";
import type { Drained, Latency } from "./peer.ts";
import { peerFolder } from "./peer-folder.ts";

/** The producer's side of a queue. */
export interface Jobs {
  addOne(data: object): Promise<unknown>;
  /** As the library does it best. */
  addMany(count: number): Promise<unknown>;
  waiting(): Promise<number>;
  close(): Promise<unknown>;
}

/** `loop`: in the worker's own loop. The others are the library's executors, one job each. */
export type Mode = "loop" | "threads" | "processes";

/** What a worker process is told. */
export interface WorkerOrder {
  readonly peers: string;
  readonly port: number;
  readonly mode: Mode;
  readonly concurrency: number;
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

type Open = (port: number) => Promise<Jobs>;

const REDIS = BROKERS.redis as BrokerKind;

/** Runs `action` on an empty queue of a new server. */
async function withJobs<T>(open: Open, action: (jobs: Jobs, port: number) => Promise<T>): Promise<T> {
  await using place = await BenchPlace.open(REDIS);
  const port = Number(new URL(place.brokerUrl).port);
  const jobs = await open(port);
  try {
    return await action(jobs, port);
  } finally {
    await jobs.close();
  }
}

export function timeStoring(open: Open, count: number, store: (jobs: Jobs) => Promise<unknown>): Promise<number> {
  return withJobs(open, async (jobs) => {
    const started = performance.now();
    await store(jobs);
    const tookMs = performance.now() - started;
    const waiting = await jobs.waiting();
    if (waiting !== count) throw new Error(`${waiting} jobs wait, ${count} were added`);
    return tookMs;
  });
}

const PER_CALL = 1_000;
export const IN_FLIGHT = 500;

export function drainJobs(
  open: Open,
  worker: string,
  order: Pick<WorkerOrder, "mode" | "concurrency">,
  count: number,
): Promise<Drained> {
  return withJobs(open, async (jobs, port) => {
    for (let added = 0; added < count; added += PER_CALL) await jobs.addMany(Math.min(PER_CALL, count - added));
    await using process = await startWorker(worker, { ...order, port, jobs: count });
    const { spanMs, cpuMs, pssBytes } = await process.report;
    return { perSecond: (count / spanMs) * 1000, cpuUs: (cpuMs * 1000) / count, pssBytes };
  });
}

export function latencyOfJobs(
  open: Open,
  worker: string,
  concurrency: number,
  count: number,
  pauseMs: () => number,
): Promise<Latency> {
  return withJobs(open, async (jobs, port) => {
    await using process = await startWorker(worker, { mode: "loop", concurrency, port, jobs: count });
    for (let sent = 0; sent < count; sent++) {
      await jobs.addOne({ enqueuedAt: now() });
      await new Promise((resolve) => setTimeout(resolve, pauseMs()));
    }
    const { p50, p99, max } = (await process.report).latencyUs;
    return { p50: p50 / 1000, p99: p99 / 1000, max: max / 1000 };
  });
}

/** Resolves when the worker is connected. */
async function startWorker(
  module: string,
  order: Omit<WorkerOrder, "peers">,
): Promise<AsyncDisposable & { readonly report: Promise<WorkerReport> }> {
  const whole: WorkerOrder = { ...order, peers: fileURLToPath(await peerFolder()) };
  const child = fork(fileURLToPath(new URL(module, import.meta.url)), [JSON.stringify(whole)]);
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

/** As many at a time as ours. */
export async function inFlight(count: number, add: () => Promise<unknown>): Promise<void> {
  let left = count;
  const one = async (): Promise<void> => {
    while (left-- > 0) await add();
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, one));
}
