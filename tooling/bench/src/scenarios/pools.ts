/** The experiment that this project starts from: which pool drains a waiting load fastest, and at what price. */

import { peersOf } from "../peers/peers-of.ts";
import { fixed, mebibytes, seconds, whole } from "../report/format.ts";
import { progressOf } from "../report/terminal.ts";
import { MIX_CASES, type Mixed, type MixLoad, mixIn } from "./mix.ts";
import { poolCharts } from "./pools-charts.ts";
import { poolsGoals } from "./pools-goals.ts";
import { type BenchOptions, nameOf, type Scenario } from "./scenario.ts";
import { tasksFor, type Waited, waitInPool } from "./waiting.ts";

const KINDS = ["event", "thread", "process"];
const TASK_MS = 500;
const MOST_TASKS = 1_000;
const MIX: MixLoad = { waiting: 200, waitMs: 200, computing: 100, n: 32 };
const QUICK_MIX: MixLoad = { waiting: 40, waitMs: 200, computing: 40, n: 32 };

/** A case that would not fit into the memory it may have. */
export interface Skipped {
  readonly kind: string;
  readonly concurrency: number;
  /** By extrapolation of what fewer executors took. */
  readonly neededBytes: number;
}

/** What `concurrency` executors would take, from the two greatest numbers measured. */
export function extrapolate(measured: readonly Waited[], concurrency: number): number {
  const [last, before] = measured.toSorted((one, other) => other.concurrency - one.concurrency);
  if (last === undefined || before === undefined) return 0;
  const each = (last.pssBytes - before.pssBytes) / (last.concurrency - before.concurrency);
  return last.pssBytes + each * (concurrency - last.concurrency);
}

export const pools: Scenario = {
  name: "pools",
  about: "tasks that wait, in each pool at each concurrency; then waiting and computing mixed",
  async run(options: BenchOptions) {
    const concurrencies = options.quick ? [5, 50, 250] : [5, 10, 20, 50, 100, 250, 500];
    const longestMs = options.quick ? 2_000 : 10_000;
    const most = options.tasks ?? MOST_TASKS;
    const kinds = KINDS.filter((kind) => options.only?.includes(kind) ?? true);
    const mixing = options.only?.includes("mix") ?? true;
    const progress = progressOf(kinds.length * concurrencies.length + (mixing ? MIX_CASES.length : 0) + 1);
    const waited: Waited[] = [];
    const skipped: Skipped[] = [];
    const measure = async (kind: string, concurrency: number): Promise<void> => {
      const tasks = tasksFor(concurrency, most, TASK_MS, longestMs);
      progress.at(`${kind}:${concurrency}, ${whole(tasks)} tasks that wait ${TASK_MS} ms`);
      waited.push(await waitInPool(kind, concurrency, tasks, TASK_MS, options.broker));
      progress.advance(1);
    };
    if (options.only?.includes("solo") ?? true) await measure("solo", 1);
    for (const kind of kinds) {
      for (const concurrency of concurrencies) {
        const neededBytes = extrapolate(
          waited.filter((each) => each.kind === kind),
          concurrency,
        );
        if (neededBytes > options.memoryBytes) skipped.push({ kind, concurrency, neededBytes });
        else await measure(kind, concurrency);
      }
    }
    const { peers, notes } = await peersOf(options.broker, options.peers);
    for (const { name, concurrency, wait } of peers.flatMap(({ waiting = [] }) => waiting)) {
      const tasks = tasksFor(concurrency, most, TASK_MS, longestMs);
      progress.at(`${name}, ${concurrency} at once, ${whole(tasks)} tasks that wait ${TASK_MS} ms`);
      const measured = await wait(tasks, TASK_MS);
      waited.push({ kind: name, concurrency, tasks, idealMs: (tasks * TASK_MS) / concurrency, ...measured });
    }
    const load = options.quick ? QUICK_MIX : MIX;
    const mixed: Mixed[] = [];
    for (const each of mixing ? MIX_CASES : []) {
      progress.at(`mix, ${each.name}`);
      mixed.push(await mixIn(each, load, options.broker));
      progress.advance(1);
    }
    progress.stop();
    return {
      name: nameOf("pools", options.broker),
      title: "Which pool, for tasks that wait",
      summary: `Tasks that wait ${TASK_MS / 1000} s each, as calls to databases and other services do, in a worker with one pool of each kind. Equal concurrency finishes equally soon in every pool; what differs is the memory. N·t/c is the time that N tasks of t seconds take, c at a time, if nothing else takes any.`,
      tables: [
        { caption: "Tasks that wait", head: WAIT_HEAD, rows: [...waited.map(waitRow), ...skipped.map(skippedRow)] },
        ...(mixing
          ? [
              {
                caption: `Mixed: ${load.waiting} tasks that wait ${load.waitMs} ms and ${load.computing} that compute`,
                head: ["pools", "all done", "waiting done", "waits late by (p99)", "memory (PSS)", "ready"],
                rows: mixed.map(mixRow),
              },
            ]
          : []),
      ],
      charts: poolCharts(nameOf("pools", options.broker), waited, TASK_MS, MOST_TASKS, options.memoryBytes),
      goals: poolsGoals(waited),
      notes: [
        `Each measurement is at most about ${longestMs / 1000} s of work, so with few at once there are fewer than ${whole(most)} tasks; the column says how many.`,
        "Start and end of each task come from the worker's event stream; the makespan is from the first start to the last end.",
        "Memory is the proportional set size of the worker and its executors: pages that several processes share are counted once. It is read when the worker is ready and when all is done, and the greater is shown.",
        ...(skipped.length === 0
          ? []
          : [
              `What would need more than ${mebibytes(options.memoryBytes)} was not started; the estimate extrapolates from fewer executors.`,
            ]),
        ...(mixing
          ? [
              "Computing is the same recursive function each time. In one event loop, waits come back late because a computation holds the loop.",
            ]
          : []),
        ...notes,
      ],
      data: { taskMs: TASK_MS, waited, skipped, mix: { load, mixed } },
    };
  },
};

const WAIT_HEAD = ["pool", "at once", "tasks", "N·t/c", "makespan", "÷ ideal", "memory (PSS)", "ready", "CPU"];

function waitRow(each: Waited): string[] {
  return [
    each.kind,
    whole(each.concurrency),
    whole(each.tasks),
    seconds(each.idealMs),
    seconds(each.makespanMs),
    fixed(each.makespanMs / each.idealMs, 3),
    mebibytes(each.pssBytes),
    seconds(each.readyMs),
    seconds(each.cpuMs),
  ];
}

function skippedRow({ kind, concurrency, neededBytes }: Skipped): string[] {
  return [kind, whole(concurrency), "–", "–", "does not fit", "–", `≈ ${mebibytes(neededBytes)}`, "–", "–"];
}

function mixRow({ name, makespanMs, waitedMs, lateMs, pssBytes, readyMs }: Mixed): string[] {
  return [name, seconds(makespanMs), seconds(waitedMs), `${whole(lateMs)} ms`, mebibytes(pssBytes), seconds(readyMs)];
}
