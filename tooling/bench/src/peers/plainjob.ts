/** plainjob: the fastest SQLite queue on npm that we know of. */

import { fork } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { BenchFolder } from "../measure/bench-folder.ts";
import type { Drained, Peer } from "./peer.ts";
import { peerFolder } from "./peer-folder.ts";
import { type Plainjob, type PlainjobQueue, SILENT } from "./plainjob-types.ts";

const WORKER = fileURLToPath(new URL("plainjob-worker.js", import.meta.url));
const PER_CALL = 1_000;

/** An empty queue in `file`. */
async function openPlainjob(file: string): Promise<PlainjobQueue> {
  const require = createRequire(await peerFolder());
  const { better, defineQueue } = (await import(pathToFileURL(require.resolve("plainjob")).href)) as Plainjob;
  const Database = require("better-sqlite3") as new (file: string) => object;
  return defineQueue({ connection: better(new Database(file)), logger: SILENT });
}

async function drain(jobs: number): Promise<Drained> {
  using folder = new BenchFolder();
  const queue = await openPlainjob(folder.queueFile);
  queue.addMany(
    "noop",
    Array.from({ length: jobs }, () => ({})),
  );
  queue.close();
  const child = fork(WORKER, [fileURLToPath(await peerFolder()), folder.queueFile, String(jobs)]);
  const exited = once(child, "exit");
  const [{ spanMs, cpuMs, pssBytes }] = (await Promise.race([
    once(child, "message"),
    exited.then(() => Promise.reject(new Error("plainjob's worker ended without a report"))),
  ])) as [{ spanMs: number; cpuMs: number; pssBytes: number }];
  await exited;
  return { perSecond: (jobs / spanMs) * 1000, cpuUs: (cpuMs * 1000) / jobs, pssBytes };
}

async function timeStoring(store: (queue: PlainjobQueue) => void): Promise<number> {
  using folder = new BenchFolder();
  const queue = await openPlainjob(folder.queueFile);
  const started = performance.now();
  store(queue);
  const tookMs = performance.now() - started;
  queue.close();
  return tookMs;
}

export const plainjob: Peer = {
  name: "plainjob",
  note: "plainjob 0.0.14 on better-sqlite3 sets `synchronous=NORMAL`: it does not wait for the disk, and a power cut may lose what it had confirmed.",
  drains: [
    {
      name: "plainjob",
      against: ["event:1", "event:50", "event:500", "solo", "thread:2", "process:2"],
      tasks: 50_000,
      drain,
    },
  ],
  stores: [
    {
      name: "plainjob, bulk, 1,000 per call",
      against: "bulk, 1,000 per call",
      tasks: 100_000,
      store: (count) =>
        timeStoring((queue) => {
          for (let sent = 0; sent < count; sent += PER_CALL) {
            queue.addMany(
              "noop",
              Array.from({ length: Math.min(PER_CALL, count - sent) }, () => ({})),
            );
          }
        }),
    },
    {
      name: "plainjob, one at a time",
      against: "one at a time",
      tasks: 20_000,
      store: (count) =>
        timeStoring((queue) => {
          for (let sent = 0; sent < count; sent++) queue.add("noop", {});
        }),
    },
  ],
};
