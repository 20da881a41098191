/** plainjob: the fastest SQLite queue on npm that we know of. */

import { fork } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { BenchFolder } from "../measure/bench-folder.ts";
import type { Drained } from "../scenarios/drain.ts";
import { peerFolder } from "./peer-folder.ts";
import { type Plainjob, type PlainjobQueue, SILENT } from "./plainjob-types.ts";

const WORKER = fileURLToPath(new URL("plainjob-worker.js", import.meta.url));

/** An empty queue in `file`. */
export async function openPlainjob(file: string): Promise<PlainjobQueue> {
  const require = createRequire(await peerFolder());
  const { better, defineQueue } = (await import(pathToFileURL(require.resolve("plainjob")).href)) as Plainjob;
  const Database = require("better-sqlite3") as new (file: string) => object;
  return defineQueue({ connection: better(new Database(file)), logger: SILENT });
}

export async function drainPlainjob(jobs: number): Promise<Drained> {
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
