/** Queues of jobs in Redis as they are measured: a producer here, a worker in a process of its own. */

import { fileURLToPath } from "node:url";
import { BenchPlace, BROKERS, type BrokerKind } from "../measure/bench-place.ts";
import { now } from "../measure/marks.ts";
import type { Drained, Latency } from "./peer.ts";
import { peerFolder } from "./peer-folder.ts";
import { drainedOf, latencyOf, type PeerProcess, startPeer, type WorkerOrder } from "./peer-process.ts";

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

export interface RedisOrder extends WorkerOrder {
  readonly peers: string;
  readonly port: number;
  readonly mode: Mode;
  readonly concurrency: number;
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

export function drainJobs(
  open: Open,
  worker: string,
  order: Pick<RedisOrder, "mode" | "concurrency">,
  count: number,
): Promise<Drained> {
  return withJobs(open, async (jobs, port) => {
    for (let added = 0; added < count; added += PER_CALL) await jobs.addMany(Math.min(PER_CALL, count - added));
    await using process = await startWorker(worker, { ...order, port, jobs: count });
    return drainedOf(await process.report, count);
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
    return latencyOf(await process.report);
  });
}

async function startWorker(module: string, order: Omit<RedisOrder, "peers">): Promise<PeerProcess> {
  const whole: RedisOrder = { ...order, peers: fileURLToPath(await peerFolder()) };
  return startPeer(module, whole);
}
