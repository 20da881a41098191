/** A worker-like process that a test may kill: starts a pool, tells its children's pids, keeps one of them busy. */

import { loadApp } from "@lovage/core/executors";
import { processPool } from "../../src/index.ts";

const app = await loadApp(new URL("./app.ts", import.meta.url).href);
const pool = processPool({ size: 2 });
await pool.start({
  name: "p",
  app,
  worker: { id: "w", host: "h", pid: process.pid, startedAt: 0, version: "0" },
  client: undefined as never,
  onProgress: () => {},
  onLog: () => {},
});
const { body } = app.definition.codec.encodeCall({ args: [] });
const task = process.argv[2] ?? "waits";
pool.run({ id: "1", task, queue: "q", headers: { task }, body, attempt: 1, deliveries: 1, retriesLeft: 0 });
process.on("message", () => process.exit(0));
process.send?.(pool.stats().executors.map(({ pid }) => pid));
