/** The tasks that the workers of a run serve. Each run leaves its beginning and its end in the ledger. */

import { threadId } from "node:worker_threads";
import { createApp, currentTask, task } from "@lovage/core";
import { CHAOS } from "./environment.ts";
import { LedgerWriter } from "./ledger.ts";
import { answerOf, RETRY_DELAY_MS } from "./plan.ts";

// Read while the process that started this one is surely there: an orphan's parent is somebody else.
const parent = process.ppid;
let ledger: LedgerWriter | undefined;
let runs = 0;

async function recorded<T>(work: () => T | Promise<T>): Promise<T> {
  ledger ??= new LedgerWriter(CHAOS.ledger);
  const { id, attempt, deliveries } = currentTask();
  const run = `${process.pid}.${threadId}.${++runs}`;
  ledger.append({ e: "start", at: Date.now(), id, run, pid: process.pid, parent, attempt, deliveries });
  try {
    const value = await work();
    ledger.append({ e: "end", at: Date.now(), id, run, how: "returned" });
    return value;
  } catch (error) {
    ledger.append({ e: "end", at: Date.now(), id, run, how: "threw" });
    throw error;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export const short = task("chaos.short", (_index: number, ms: number) => recorded(() => pause(ms)));

export const wait = task("chaos.wait", (_index: number, ms: number) => recorded(() => pause(ms)));

export const delayed = task("chaos.delayed", (_index: number, ms: number) => recorded(() => pause(ms)), {
  queue: "later",
});

export const answer = task(
  "chaos.answer",
  (index: number, ms: number) =>
    recorded(async () => {
      await pause(ms);
      return answerOf(index);
    }),
  { result: { ttl: "1d" } },
);

export const flaky = task(
  "chaos.flaky",
  (_index: number, ms: number) =>
    recorded(async () => {
      await pause(ms);
      if (currentTask().attempt === 1) throw new Error("the first attempt fails");
    }),
  { retry: { attempts: 2, delay: RETRY_DELAY_MS, jitter: "none" } },
);

export const compute = task(
  "chaos.compute",
  (_index: number, ms: number) =>
    recorded(() => {
      const until = performance.now() + ms;
      let turns = 0;
      while (performance.now() < until) turns++;
      return turns > 0;
    }),
  { queue: "cpu" },
);

export const poison = task(
  "chaos.poison",
  (_index: number, ms: number) =>
    recorded(async () => {
      await pause(ms);
      process.kill(process.pid, "SIGKILL");
    }),
  { queue: "cpu" },
);

export const tasks = { short, wait, delayed, answer, flaky, compute, poison } as const;

export const queues = ["io", "later", "cpu"] as const;

const lease = CHAOS.leaseMs;

export default createApp({
  tasks: Object.values(tasks),
  pools: { io: { kind: "event", size: 50 }, cpu: { kind: "process", size: 2 } },
  queues: { io: { pool: "io", lease }, later: { pool: "io", lease }, cpu: { pool: "cpu", lease } },
  defaults: { result: false },
});
