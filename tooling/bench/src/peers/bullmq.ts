/** BullMQ: the queue that most Node.js users of Redis have. */

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import type { Peer, PeerDrain, PeerStore } from "./peer.ts";
import { peerFolder } from "./peer-folder.ts";
import { inFlight } from "./peer-process.ts";
import { drainJobs, type Jobs, latencyOfJobs, type Mode, timeStoring } from "./redis-jobs.ts";

const WORKER = "bullmq-worker.js";
/** Kept results would be a cost that ours do not pay: results are off on both sides. */
const OPTIONS = { removeOnComplete: true, removeOnFail: true };

interface BullQueue {
  add(name: string, data: object, options: object): Promise<unknown>;
  addBulk(jobs: readonly { name: string; data: object; opts: object }[]): Promise<unknown>;
  getWaitingCount(): Promise<number>;
  close(): Promise<void>;
}

async function open(port: number): Promise<Jobs> {
  const require = createRequire(await peerFolder());
  const { Queue } = (await import(pathToFileURL(require.resolve("bullmq")).href)) as {
    Queue: new (name: string, options: object) => BullQueue;
  };
  const queue = new Queue("bench", { connection: { host: "127.0.0.1", port } });
  return {
    addOne: (data) => queue.add("noop", data, OPTIONS),
    addMany: (count) => queue.addBulk(Array.from({ length: count }, () => ({ name: "noop", data: {}, opts: OPTIONS }))),
    waiting: () => queue.getWaitingCount(),
    close: () => queue.close(),
  };
}

const drain = (
  name: string,
  against: readonly string[],
  mode: Mode,
  concurrency: number,
  tasks: number,
): PeerDrain => ({
  name: `BullMQ, ${name}`,
  against,
  tasks,
  drain: (count) => drainJobs(open, WORKER, { mode, concurrency }, count),
});

const store = (
  name: string,
  against: string,
  tasks: number,
  run: (jobs: Jobs, count: number) => Promise<unknown>,
): PeerStore => ({
  name: `BullMQ, ${name}`,
  against,
  tasks,
  store: (count) => timeStoring(open, count, (jobs) => run(jobs, count)),
});

export const bullmq: Peer = {
  name: "BullMQ",
  note: "BullMQ 6.7.0 with its defaults, finished jobs removed; in its own loop a task that blocks stops the worker, ours run apart from the engine.",
  drains: [
    drain("1 at once", ["event:1", "solo"], "loop", 1, 10_000),
    drain("50 at once", ["event:50"], "loop", 50, 40_000),
    drain("500 at once", ["event:500"], "loop", 500, 40_000),
    drain("2 threads", ["thread:2"], "threads", 2, 10_000),
    drain("2 processes", ["process:2"], "processes", 2, 10_000),
  ],
  stores: [
    store("bulk, 1,000 per call", "bulk, 1,000 per call", 50_000, async (jobs, count) => {
      for (let sent = 0; sent < count; sent += 1_000) await jobs.addMany(Math.min(1_000, count - sent));
    }),
    store("concurrently, 500 in flight", "concurrently, 500 in flight", 30_000, (jobs, count) =>
      inFlight(count, 500, () => jobs.addOne({})),
    ),
    store("one at a time", "one at a time", 5_000, async (jobs, count) => {
      for (let sent = 0; sent < count; sent++) await jobs.addOne({});
    }),
  ],
  latency: (count, pauseMs) => latencyOfJobs(open, WORKER, 100, count, pauseMs),
};
