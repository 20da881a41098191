/** How soon a task starts when nothing else is going on: from `enqueue()` in one process to its first line in another. */

import { setTimeout as sleep } from "node:timers/promises";
import { BenchFolder } from "../measure/bench-folder.ts";
import { BenchQueue } from "../measure/bench-queue.ts";
import { BenchWorker } from "../measure/bench-worker.ts";
import { now, readMarks } from "../measure/marks.ts";
import { median } from "../measure/statistics.ts";
import { fixed, runsWords, whole } from "../report/format.ts";
import { progressOf } from "../report/terminal.ts";
import type { BenchOptions, Scenario } from "./scenario.ts";

const POOLS = ["event:100", "thread:1", "process:1"];
/** Longer than a task takes, so that each finds the worker idle; of uneven length, so that no timer of ours falls into step with one of the worker's. */
const PAUSE_MS = 11;
const JITTER_MS = 9;

interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

async function latencyIn(pool: string, tasks: number, cpuProf: string | undefined): Promise<Latency> {
  using folder = new BenchFolder();
  await using queue = await BenchQueue.open(folder);
  await using worker = await BenchWorker.start({ folder, pools: ["--pool", `main=${pool}`, "-Q", "main:io"], cpuProf });
  for (let sent = 0; sent < tasks; sent++) {
    await queue.arrive.enqueue(now());
    await sleep(PAUSE_MS + Math.random() * JITTER_MS);
  }
  await queue.drained();
  await worker.stop();
  const [marks, ...others] = await readMarks(folder.marks);
  if (marks?.count !== tasks || others.length > 0) throw new Error(`${marks?.count} of ${tasks} tasks arrived`);
  const { p50, p99, max } = marks.latencyUs;
  return { p50: p50 / 1000, p99: p99 / 1000, max: max / 1000 };
}

export const latency: Scenario = {
  name: "latency",
  about: "time from enqueueing to the start of the task in an idle worker",
  async run(options: BenchOptions) {
    const tasks = options.tasks ?? (options.quick ? 200 : 500);
    const pools = POOLS.filter((pool) => options.only?.includes(pool) ?? true);
    const progress = progressOf(pools.length * options.runs);
    const measured = new Map<string, Latency[]>();
    for (let run = 1; run <= options.runs; run++) {
      for (const pool of pools) {
        progress.at(`${pool}, ${whole(tasks)} tasks one by one, run ${run} of ${options.runs}`);
        measured.set(pool, [...(measured.get(pool) ?? []), await latencyIn(pool, tasks, options.cpuProf)]);
        progress.advance(1);
      }
    }
    progress.stop();
    const of = (pool: string, which: keyof Latency) => median((measured.get(pool) ?? []).map((each) => each[which]));
    return {
      name: "latency",
      title: "From enqueueing to the start, idle",
      summary: `A producer enqueues one task at a time for an idle worker, another process on the same SQLite file, about ${PAUSE_MS + JITTER_MS / 2} ms apart. The time is from the call of \`enqueue()\` to the first line of the task, by the machine's monotonic clock: the commit of the message, the wake-up, the claim and the hand-over are in it.`,
      tables: [
        {
          caption: "Milliseconds",
          head: ["pool", "p50", "p99", "max"],
          rows: pools.map((pool) => [
            pool,
            fixed(of(pool, "p50"), 2),
            fixed(of(pool, "p99"), 2),
            fixed(of(pool, "max"), 2),
          ]),
        },
      ],
      charts: [],
      notes: [`${runsWords(options.runs)} ${whole(tasks)} tasks in each.`],
      data: Object.fromEntries(measured),
    };
  },
};
