/**
 * No-op tasks through the pool alone, beside bare messages to a worker thread in batches of 50, in the same process.
 * `node packages/pool-event/bench/throughput.ts [tasks]`
 */

import { Worker } from "node:worker_threads";
import type { Pool, PoolContext } from "@lovage/core/contracts";
import { loadApp } from "@lovage/core/executors";
import { eventPool } from "@lovage/pool-event";

const TASKS = Number(process.argv[2] ?? 200_000);
const app = await loadApp(new URL("./app.ts", import.meta.url).href);
const headers = { task: "noop", publishedAt: Date.now(), result: false as const };
const ids = Array.from({ length: 1_000 }, () => crypto.randomUUID());
const { body } = app.definition.codec.encodeCall({ args: [] });

async function drain(pool: Pool): Promise<number> {
  let left = TASKS;
  let done = 0;
  const startedAt = performance.now();
  await new Promise<void>((resolve) => {
    const fill = () => {
      while (left > 0 && pool.free > 0) {
        const id = ids[left-- % 1_000] as string;
        const request = { id, task: "noop", queue: "io", headers, body, attempt: 1, deliveries: 1, retriesLeft: 0 };
        pool.run(request).outcome.then(ended);
      }
    };
    const ended = () => {
      if (++done === TASKS) resolve();
      else if (left > 0) fill();
    };
    fill();
  });
  return (TASKS / (performance.now() - startedAt)) * 1000;
}

async function bare(perMessage: number): Promise<number> {
  const code = `const { parentPort } = require("node:worker_threads");
    parentPort.on("message", (batch) => parentPort.postMessage(batch.map(({ id }) => ({ id, ok: true }))));`;
  const worker = new Worker(code, { eval: true });
  const text = "x".repeat(200);
  let left = TASKS;
  let done = 0;
  const batch = () => Array.from({ length: Math.min(perMessage, left) }, () => ({ id: ids[left-- % 1_000], text }));
  await new Promise((resolve) => worker.once("online", resolve));
  const startedAt = performance.now();
  await new Promise<void>((resolve) => {
    worker.on("message", (answers: unknown[]) => {
      done += answers.length;
      if (done === TASKS) resolve();
      else if (left > 0) worker.postMessage(batch());
    });
    for (let sent = 0; sent < 2; sent++) worker.postMessage(batch());
  });
  const rate = (TASKS / (performance.now() - startedAt)) * 1000;
  await worker.terminate();
  return rate;
}

const context: PoolContext = {
  name: "bench",
  app,
  worker: { id: "bench", host: "localhost", pid: process.pid, startedAt: Date.now(), version: "0" },
  client: undefined as never,
  onProgress: () => {},
  onLog: () => {},
};

for (const size of [50, 100, 200, 500]) {
  const pool = eventPool({ size });
  await pool.start(context);
  await drain(pool);
  const rates: number[] = [];
  for (let run = 0; run < 3; run++) rates.push(await drain(pool));
  await pool.close();
  console.log(`event pool, ${size} slots: ${median(rates)} tasks/s`);
}
console.log(`bare thread, 50 per message: ${median([await bare(50), await bare(50), await bare(50)])} messages/s`);

function median(values: number[]): string {
  return Math.round(values.toSorted((a, b) => a - b)[values.length >> 1] as number).toLocaleString("en");
}
