/**
 * The app that benchmark workers run. Each executor counts the tasks that it ran and notes when its first began and its last ended;
 * it writes that to a file when it stops, so that a rate is measured where the work happens and costs the worker nothing on the way.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createHistogram } from "node:perf_hooks";
import { threadId } from "node:worker_threads";
import { createApp, task } from "@lovage/core";
import { MARKS_VARIABLE, type Marks, now } from "./measure/marks.ts";

/** From this executor's clock, which costs less to read, to the machine's. */
const CLOCK_OFFSET_MS = now() - performance.now();

let count = 0;
let firstStartedAt: number | undefined;
let lastFinishedAt = 0;
/** Time from enqueueing to the start, in µs, by the clock that all processes of a machine share. */
const latency = createHistogram({ figures: 3 });

function began(): void {
  firstStartedAt ??= performance.now();
}

function ended(): void {
  count++;
  lastFinishedAt = performance.now();
}

/** Does nothing. */
export const noop = task("bench.noop", () => {
  began();
  ended();
});

/** Waits, as a request to a database or another service does. */
export const wait = task("bench.wait", async (ms: number) => {
  began();
  await new Promise((resolve) => setTimeout(resolve, ms));
  ended();
});

/** Computes. The same work wherever and beside whatever it runs. */
export const compute = task(
  "bench.compute",
  (n: number) => {
    began();
    fibonacci(n);
    ended();
  },
  { queue: "cpu" },
);

/** Notes how long it took to get here. `enqueuedAt` is `now()` of the producer. */
export const arrive = task("bench.arrive", (enqueuedAt: number) => {
  const took = now() - enqueuedAt;
  began();
  latency.record(Math.max(1, Math.round(took * 1000)));
  ended();
});

function fibonacci(n: number): number {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

export default createApp({
  tasks: [noop, wait, compute, arrive],
  defaults: { result: false },
  onExecutorStop() {
    const folder = process.env[MARKS_VARIABLE];
    if (folder === undefined || count === 0) return;
    const marks: Marks = {
      count,
      firstStartedAt: (firstStartedAt ?? 0) + CLOCK_OFFSET_MS,
      lastFinishedAt: lastFinishedAt + CLOCK_OFFSET_MS,
      latencyUs: { p50: latency.percentile(50), p99: latency.percentile(99), max: latency.max },
    };
    writeFileSync(join(folder, `${process.pid}-${threadId}.json`), JSON.stringify(marks));
  },
});
