/** How fast a worker empties a queue of tasks that do nothing: the cost of everything around a task. */

import { BenchPlace } from "../measure/bench-place.ts";
import { BenchQueue } from "../measure/bench-queue.ts";
import { BenchWorker } from "../measure/bench-worker.ts";
import { combine, readMarks } from "../measure/marks.ts";
import { median } from "../measure/statistics.ts";
import type { Drained } from "../peers/peer.ts";
import { peersOf } from "../peers/peers-of.ts";
import { fixed, mebibytes, runsWords, whole } from "../report/format.ts";
import { progressOf } from "../report/terminal.ts";
import { drainGoals } from "./drain-goals.ts";
import { type BenchOptions, nameOf, type Scenario } from "./scenario.ts";

interface Case {
  readonly name: string;
  readonly pool: string;
  readonly tasks: number;
}

const CASES: readonly Case[] = [
  { name: "event:1", pool: "event:1", tasks: 20_000 },
  { name: "event:50", pool: "event:50", tasks: 200_000 },
  { name: "event:500", pool: "event:500", tasks: 200_000 },
  { name: "solo", pool: "solo:1", tasks: 50_000 },
  { name: "thread:2", pool: "thread:2", tasks: 50_000 },
  { name: "process:2", pool: "process:2", tasks: 100_000 },
];

/** Fills a queue, starts a worker on it, lets it begin once it is ready. Rejects unless each task ran exactly once. */
async function drainOnce({ pool, tasks }: Case, { broker, cpuProf }: BenchOptions): Promise<Drained> {
  await using place = await BenchPlace.open(broker);
  await using queue = await BenchQueue.open(place);
  await queue.pause();
  await queue.fillWithNoops(tasks);
  await using worker = await BenchWorker.start({ place, pools: ["--pool", `main=${pool}`, "-Q", "main:io"], cpuProf });
  const cpuBefore = worker.cpuMs();
  await queue.resume();
  await queue.drained(tasks);
  const cpuMs = worker.cpuMs() - cpuBefore;
  const pssBytes = worker.pss();
  await worker.stop();
  const { count, spanMs } = combine(await readMarks(place.marks));
  if (count !== tasks) throw new Error(`${count} runs of ${tasks} tasks in ${pool}`);
  return { perSecond: (count / spanMs) * 1000, cpuUs: (cpuMs * 1000) / count, pssBytes };
}

export const drain: Scenario = {
  name: "drain",
  about: "tasks that do nothing: tasks a second and processor time per task, for each pool",
  async run(options: BenchOptions) {
    const wanted = (name: string): boolean => options.only?.includes(name) ?? true;
    const { peers, notes } = await peersOf(options.broker, options.peers);
    const subjects = [
      ...CASES.filter(({ name }) => wanted(name)).map((each) => ({
        ...each,
        run: (tasks: number) => drainOnce({ ...each, tasks }, options),
      })),
      ...peers
        .flatMap(({ drains }) => drains)
        .filter(({ against }) => against.some(wanted))
        .map(({ name, tasks, drain: run }) => ({ name, tasks, run })),
    ].map((each) => ({ ...each, tasks: options.tasks ?? (options.quick ? each.tasks / 5 : each.tasks) }));
    const progress = progressOf(subjects.length * options.runs);
    const measured = new Map<string, Drained[]>();
    for (let run = 1; run <= options.runs; run++) {
      for (const { name, tasks, run: once } of subjects) {
        progress.at(`${name}, ${whole(tasks)} tasks, run ${run} of ${options.runs}`);
        measured.set(name, [...(measured.get(name) ?? []), await once(tasks)]);
        progress.advance(1);
      }
    }
    progress.stop();
    const of = (name: string, which: keyof Drained) => median((measured.get(name) ?? []).map((each) => each[which]));
    /** The rate beside that of a peer in the same place, its fastest: `6.1 ×`. */
    const beside = (name: string, peer: (typeof peers)[number]): string => {
      const others = peer.drains.filter(({ against }) => against.includes(name));
      if (others.length === 0) return "–";
      const fastest = Math.max(...others.map((other) => of(other.name, "perSecond")));
      return `${fixed(of(name, "perSecond") / fastest, 1)} ×`;
    };
    return {
      name: nameOf("drain", options.broker),
      title: "Emptying a queue of tasks that do nothing",
      summary: `A queue is filled, a worker is started as a process of its own and let go when it is ready. The rate is that of the executors, from the start of the first task to the end of the last; the processor time is that of the whole worker. ${options.broker.about}, results off.`,
      tables: [
        {
          caption: "Tasks a second",
          head: ["pool", "tasks", "tasks/s", ...peers.map(({ name }) => `÷ ${name}`), "CPU per task", "memory (PSS)"],
          rows: subjects.map(({ name, tasks }) => [
            name,
            whole(tasks),
            whole(of(name, "perSecond")),
            ...peers.map((peer) => beside(name, peer)),
            `${fixed(of(name, "cpuUs"), 1)} µs`,
            mebibytes(of(name, "pssBytes")),
          ]),
        },
      ],
      charts: [],
      goals: drainGoals(options.broker.name, {
        perSecond: (name) => of(name, "perSecond"),
        cpuUs: (name) => of(name, "cpuUs"),
      }),
      notes: [
        `${runsWords(options.runs)} Every task of a run was counted in the executors; a run that misses or repeats one is an error.`,
        ...notes,
      ],
      data: subjects.map(({ name, tasks }) => ({ name, tasks, runs: measured.get(name) })),
    };
  },
};
