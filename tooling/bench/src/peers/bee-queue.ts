/** bee-queue: small, and the fastest on Redis that we know of; a job runs again only when a worker notices that it stalled. */

import { createRequire } from "node:module";
import type { Peer, PeerDrain, PeerStore } from "./peer.ts";
import { peerFolder } from "./peer-folder.ts";
import { inFlight } from "./peer-process.ts";
import { drainJobs, type Jobs, latencyOfJobs, timeStoring } from "./redis-jobs.ts";

const WORKER = "bee-queue-worker.js";

interface BeeJob {
  save(): Promise<unknown>;
}

export interface BeeQueue {
  ready(): Promise<unknown>;
  createJob(data: object): BeeJob;
  saveAll(jobs: readonly BeeJob[]): Promise<Map<BeeJob, Error>>;
  checkHealth(): Promise<{ readonly waiting: number }>;
  process(
    concurrency: number,
    handler: (job: { readonly data: { readonly enqueuedAt?: number } }) => Promise<void>,
  ): void;
  on(event: "error" | "failed" | "succeeded", listener: (...args: never[]) => void): this;
  close(): Promise<void>;
}

/** Without events and stored jobs, as its documentation advises for speed. */
const FAST = {
  removeOnSuccess: true,
  removeOnFailure: true,
  storeJobs: false,
  getEvents: false,
  sendEvents: false,
};

export function beeQueueOf(peers: string, port: number, options: object): BeeQueue {
  const Queue = createRequire(peers)("bee-queue") as new (name: string, options: object) => BeeQueue;
  return new Queue("bench", { redis: { host: "127.0.0.1", port }, ...FAST, ...options });
}

async function open(port: number): Promise<Jobs> {
  const queue = beeQueueOf(await peerFolder(), port, { isWorker: false });
  await queue.ready();
  return {
    addOne: (data) => queue.createJob(data).save(),
    async addMany(count) {
      const failed = await queue.saveAll(Array.from({ length: count }, () => queue.createJob({})));
      for (const error of failed.values()) throw error;
    },
    waiting: async () => (await queue.checkHealth()).waiting,
    close: () => queue.close(),
  };
}

const drain = (concurrency: number, against: readonly string[], tasks: number): PeerDrain => ({
  name: `bee-queue, ${concurrency} at once`,
  against,
  tasks,
  drain: (count) => drainJobs(open, WORKER, { mode: "loop", concurrency }, count),
});

const store = (name: string, tasks: number, run: (jobs: Jobs, count: number) => Promise<unknown>): PeerStore => ({
  name: `bee-queue, ${name}`,
  against: name,
  tasks,
  store: (count) => timeStoring(open, count, (jobs) => run(jobs, count)),
});

export const beeQueue: Peer = {
  name: "bee-queue",
  note: "bee-queue 2.0.0 without events and stored jobs; it has no priorities and no executors.",
  drains: [drain(1, ["event:1", "solo"], 10_000), drain(50, ["event:50"], 60_000), drain(500, ["event:500"], 60_000)],
  stores: [
    store("bulk, 1,000 per call", 100_000, async (jobs, count) => {
      for (let sent = 0; sent < count; sent += 1_000) await jobs.addMany(Math.min(1_000, count - sent));
    }),
    store("concurrently, 500 in flight", 50_000, (jobs, count) => inFlight(count, 500, () => jobs.addOne({}))),
    store("one at a time", 5_000, async (jobs, count) => {
      for (let sent = 0; sent < count; sent++) await jobs.addOne({});
    }),
  ],
  latency: (count, pauseMs) => latencyOfJobs(open, WORKER, 100, count, pauseMs),
};
