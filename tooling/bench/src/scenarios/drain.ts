/** How fast a worker empties a queue of tasks that do nothing: the cost of everything around a task. */

import { BenchFolder } from "../measure/bench-folder.ts";
import { BenchQueue } from "../measure/bench-queue.ts";
import { BenchWorker } from "../measure/bench-worker.ts";
import { combine, readMarks } from "../measure/marks.ts";
import { median } from "../measure/statistics.ts";
import { drainPlainjob } from "../peers/plainjob.ts";
import { fixed, mebibytes, runsWords, whole } from "../report/format.ts";
import { progressOf } from "../report/terminal.ts";
import type { BenchOptions, Scenario } from "./scenario.ts";

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

export interface Drained {
  readonly perSecond: number;
  /** Processor time of worker and executors per task. */
  readonly cpuUs: number;
  readonly pssBytes: number;
}

/** Fills a queue, starts a worker on it, lets it begin once it is ready. Rejects unless each task ran exactly once. */
async function drainOnce({ pool, tasks }: Case, cpuProf: string | undefined): Promise<Drained> {
  using folder = new BenchFolder();
  await using queue = await BenchQueue.open(folder);
  await queue.pause();
  await queue.fillWithNoops(tasks);
  await using worker = await BenchWorker.start({ folder, pools: ["--pool", `main=${pool}`, "-Q", "main:io"], cpuProf });
  const cpuBefore = worker.cpuMs();
  await queue.resume();
  await queue.drained();
  const cpuMs = worker.cpuMs() - cpuBefore;
  const pssBytes = worker.pss();
  await worker.stop();
  const { count, spanMs } = combine(await readMarks(folder.marks));
  if (count !== tasks) throw new Error(`${count} runs of ${tasks} tasks in ${pool}`);
  return { perSecond: (count / spanMs) * 1000, cpuUs: (cpuMs * 1000) / count, pssBytes };
}

export const drain: Scenario = {
  name: "drain",
  about: "tasks that do nothing: tasks a second and processor time per task, for each pool",
  async run(options: BenchOptions) {
    const cases = CASES.filter(({ name }) => options.only?.includes(name) ?? true).map((each) => ({
      ...each,
      tasks: options.tasks ?? (options.quick ? each.tasks / 5 : each.tasks),
    }));
    const progress = progressOf(cases.length * options.runs);
    const measured = new Map<string, { tasks: number; runs: readonly Drained[] }>();
    const measure = async (name: string, tasks: number, once: () => Promise<Drained>): Promise<void> => {
      const drained = await once();
      measured.set(name, { tasks, runs: [...(measured.get(name)?.runs ?? []), drained] });
    };
    for (let run = 1; run <= options.runs; run++) {
      for (const each of cases) {
        progress.at(`${each.name}, ${whole(each.tasks)} tasks, run ${run} of ${options.runs}`);
        await measure(each.name, each.tasks, () => drainOnce(each, options.cpuProf));
        progress.advance(1);
      }
      if (options.peers) {
        const tasks = options.quick ? 10_000 : 50_000;
        progress.at(`plainjob, ${whole(tasks)} tasks, run ${run} of ${options.runs}`);
        await measure("plainjob", tasks, () => drainPlainjob(tasks));
      }
    }
    progress.stop();
    const results = [...measured].map(([name, { tasks, runs }]) => ({
      name,
      tasks,
      perSecond: median(runs.map((run) => run.perSecond)),
      cpuUs: median(runs.map((run) => run.cpuUs)),
      pssBytes: median(runs.map((run) => run.pssBytes)),
      runs,
    }));
    const peerRate = results.find(({ name }) => name === "plainjob")?.perSecond ?? Number.NaN;
    return {
      name: "drain",
      title: "Emptying a queue of tasks that do nothing",
      summary:
        "A queue is filled, a worker is started as a process of its own and let go when it is ready. The rate is that of the executors, from the start of the first task to the end of the last; the processor time is that of the whole worker. SQLite broker, each commit on disk (`synchronous=FULL`), results off.",
      tables: [
        {
          caption: "Tasks a second",
          head: ["pool", "tasks", "tasks/s", ...(options.peers ? ["÷ plainjob"] : []), "CPU per task", "memory (PSS)"],
          rows: results.map(({ name, tasks, perSecond, cpuUs, pssBytes }) => [
            name,
            whole(tasks),
            whole(perSecond),
            ...(options.peers ? [fixed(perSecond / peerRate, 1)] : []),
            `${fixed(cpuUs, 1)} µs`,
            mebibytes(pssBytes),
          ]),
        },
      ],
      charts: [],
      notes: [
        `${runsWords(options.runs)} Every task of a run was counted in the executors; a run that misses or repeats one is an error.`,
        ...(options.peers
          ? ["plainjob 0.0.14 on better-sqlite3 sets `synchronous=NORMAL`: a power cut may lose what it had confirmed."]
          : []),
      ],
      data: results,
    };
  },
};
