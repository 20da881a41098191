/** How soon a task starts when nothing else is going on: from `enqueue()` in one process to its first line in another. */

import { setTimeout as sleep } from "node:timers/promises";
import { BenchPlace } from "../measure/bench-place.ts";
import { BenchQueue } from "../measure/bench-queue.ts";
import { BenchWorker } from "../measure/bench-worker.ts";
import { now, readMarks } from "../measure/marks.ts";
import { median } from "../measure/statistics.ts";
import type { Latency } from "../peers/peer.ts";
import { peersOf } from "../peers/peers-of.ts";
import { fixed, runsWords, whole } from "../report/format.ts";
import { atMost, times } from "../report/goal.ts";
import { progressOf } from "../report/terminal.ts";
import { type BenchOptions, nameOf, type Scenario } from "./scenario.ts";

const POOLS = ["event:100", "thread:1", "process:1"];
/** Longer than a task takes, so that each finds the worker idle; of uneven length, so that no timer of ours falls into step with one of the worker's. */
const PAUSE_MS = 11;
const JITTER_MS = 9;

const pauseMs = (): number => PAUSE_MS + Math.random() * JITTER_MS;

async function latencyIn(pool: string, tasks: number, { broker, cpuProf }: BenchOptions): Promise<Latency> {
  await using place = await BenchPlace.open(broker);
  await using queue = await BenchQueue.open(place);
  await using worker = await BenchWorker.start({ place, pools: ["--pool", `main=${pool}`, "-Q", "main:io"], cpuProf });
  for (let sent = 0; sent < tasks; sent++) {
    await queue.arrive.enqueue(now());
    await sleep(pauseMs());
  }
  await queue.drained(tasks);
  await worker.stop();
  const [marks, ...others] = await readMarks(place.marks);
  if (marks?.count !== tasks || others.length > 0) throw new Error(`${marks?.count} of ${tasks} tasks arrived`);
  const { p50, p99, max } = marks.latencyUs;
  return { p50: p50 / 1000, p99: p99 / 1000, max: max / 1000 };
}

export const latency: Scenario = {
  name: "latency",
  about: "time from enqueueing to the start of the task in an idle worker",
  async run(options: BenchOptions) {
    const tasks = options.tasks ?? (options.quick ? 200 : 500);
    const { peers, notes } = await peersOf(options.broker, options.peers);
    const subjects = [
      ...POOLS.filter((pool) => options.only?.includes(pool) ?? true).map((pool) => ({
        name: pool,
        run: () => latencyIn(pool, tasks, options),
      })),
      ...peers.flatMap(({ name, latency: measure }) =>
        measure === undefined ? [] : [{ name, run: () => measure(tasks, pauseMs) }],
      ),
    ];
    const progress = progressOf(subjects.length * options.runs);
    const measured = new Map<string, Latency[]>();
    for (let run = 1; run <= options.runs; run++) {
      for (const { name, run: once } of subjects) {
        progress.at(`${name}, ${whole(tasks)} tasks one by one, run ${run} of ${options.runs}`);
        measured.set(name, [...(measured.get(name) ?? []), await once()]);
        progress.advance(1);
      }
    }
    progress.stop();
    const of = (name: string, which: keyof Latency) => median((measured.get(name) ?? []).map((each) => each[which]));
    return {
      name: nameOf("latency", options.broker),
      title: "From enqueueing to the start, idle",
      summary: `A producer enqueues one task at a time for an idle worker, another process, about ${PAUSE_MS + JITTER_MS / 2} ms apart. The time is from the call of \`enqueue()\` to the first line of the task, by the machine's monotonic clock: storing the message, the wake-up, the claim and the hand-over are in it. ${options.broker.about}.`,
      tables: [
        {
          caption: "Milliseconds",
          head: ["pool", "p50", "p99", "max"],
          rows: subjects.map(({ name }) => [
            name,
            fixed(of(name, "p50"), 2),
            fixed(of(name, "p99"), 2),
            fixed(of(name, "max"), 2),
          ]),
        },
      ],
      charts: [],
      goals: ["BullMQ", "bee-queue"]
        .filter((name) => measured.has(name))
        .map((name) => atMost(`p50 of event:100 ÷ ${name}`, 1, of("event:100", "p50") / of(name, "p50"), times)),
      notes: [`${runsWords(options.runs)} ${whole(tasks)} tasks in each.`, ...notes],
      data: Object.fromEntries(measured),
    };
  },
};
