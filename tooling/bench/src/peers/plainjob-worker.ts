/** A plainjob worker as a process of its own: `node plainjob-worker.js <peers' package.json> <file> <jobs>`. Reports once it has run them all. */

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { pss } from "../measure/process-tree.ts";
import { type Plainjob, SILENT } from "./plainjob-types.ts";

const [peers = "", file = "", jobs = "0"] = process.argv.slice(2);
const require = createRequire(peers);
const { better, defineQueue, defineWorker } = (await import(
  pathToFileURL(require.resolve("plainjob")).href
)) as Plainjob;
const Database = require("better-sqlite3") as new (file: string) => object;

const queue = defineQueue({ connection: better(new Database(file)), logger: SILENT });
let left = Number(jobs);
const started = performance.now();
const cpu = process.cpuUsage();
const worker = defineWorker(
  "noop",
  () => {
    if (--left === 0) void worker.stop();
  },
  { queue, logger: SILENT },
);
await worker.start();
const spanMs = performance.now() - started;
const { user, system } = process.cpuUsage(cpu);
process.send?.({ spanMs, cpuMs: (user + system) / 1000, pssBytes: pss(process.pid) });
queue.close();
