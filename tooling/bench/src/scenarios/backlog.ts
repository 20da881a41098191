/** Whether a worker minds what waits behind: the rate and the memory with a small backlog, a large one, and as many delayed messages. */

import { BenchPlace } from "../measure/bench-place.ts";
import { BenchQueue } from "../measure/bench-queue.ts";
import { BenchWorker } from "../measure/bench-worker.ts";
import { combine, readMarks } from "../measure/marks.ts";
import { median } from "../measure/statistics.ts";
import { fixed, mebibytes, runsWords, whole } from "../report/format.ts";
import { atLeast, atMost, times } from "../report/goal.ts";
import { progressOf } from "../report/terminal.ts";
import { type BenchOptions, nameOf, type Scenario } from "./scenario.ts";

const FEW = 100_000;
const MANY = 1_000_000;
/** Due long after the measurement. */
const DELAY_MS = 24 * 3_600_000;

interface Case {
  readonly name: string;
  readonly waiting: number;
  readonly delayed: number;
}

interface Measured {
  readonly perSecond: number;
  readonly pssBytes: number;
}

/** The rate at which the first `FEW` of those that wait are run, and the worker's memory then. */
async function drainBegin({ waiting, delayed }: Case, few: number, options: BenchOptions): Promise<Measured> {
  await using place = await BenchPlace.open(options.broker);
  await using queue = await BenchQueue.open(place);
  await queue.pause();
  await queue.fillWithNoops(delayed, DELAY_MS);
  await queue.fillWithNoops(waiting);
  const { cpuProf } = options;
  await using worker = await BenchWorker.start({ place, pools: ["--pool", "main=event:50", "-Q", "main:io"], cpuProf });
  await queue.resume();
  await queue.shrunkTo(waiting - few);
  const pssBytes = worker.pss();
  await worker.stop({ givesBack: true });
  const { count, spanMs } = combine(await readMarks(place.marks));
  return { perSecond: (count / spanMs) * 1000, pssBytes };
}

export const backlog: Scenario = {
  name: "backlog",
  about: "rate and memory of a worker before a small and a large backlog, and with many delayed messages",
  async run(options: BenchOptions) {
    const few = options.quick ? FEW / 5 : FEW;
    const many = options.tasks ?? (options.quick ? MANY / 5 : MANY);
    const cases: Case[] = [
      { name: `${whole(few)} waiting`, waiting: few, delayed: 0 },
      { name: `${whole(many)} waiting`, waiting: many, delayed: 0 },
      { name: `${whole(few)} waiting, ${whole(many)} delayed`, waiting: few, delayed: many },
    ];
    const progress = progressOf(cases.length * options.runs);
    const measured = new Map<string, Measured[]>();
    for (let run = 1; run <= options.runs; run++) {
      for (const each of cases) {
        progress.at(`${each.name}, run ${run} of ${options.runs}`);
        measured.set(each.name, [...(measured.get(each.name) ?? []), await drainBegin(each, few, options)]);
        progress.advance(1);
      }
    }
    progress.stop();
    const of = (name: string, which: keyof Measured) => median((measured.get(name) ?? []).map((each) => each[which]));
    const [{ name: least }, ...rest] = cases as [Case, ...Case[]];
    return {
      name: nameOf("backlog", options.broker),
      title: "A long queue behind",
      summary: `How fast the first ${whole(few)} tasks that do nothing are run in an event pool of 50 slots, with nothing behind them, with a long queue behind them, and with as many messages delayed by a day. ${options.broker.about}, results off.`,
      tables: [
        {
          caption: "Rate and memory of the worker",
          head: ["in the broker", "tasks/s", "÷ first", "memory (PSS)"],
          rows: cases.map(({ name }) => [
            name,
            whole(of(name, "perSecond")),
            fixed(of(name, "perSecond") / of(least, "perSecond"), 2),
            mebibytes(of(name, "pssBytes")),
          ]),
        },
      ],
      charts: [],
      goals: [
        ...rest.map(({ name }) =>
          atLeast(`rate with ${name} ÷ first`, 0.9, of(name, "perSecond") / of(least, "perSecond"), times),
        ),
        ...rest
          .filter(({ delayed }) => delayed > 0)
          .map(({ name }) =>
            atMost(`memory with ${name} ÷ first`, 1.05, of(name, "pssBytes") / of(least, "pssBytes"), times),
          ),
      ],
      notes: [runsWords(options.runs)],
      data: Object.fromEntries(measured),
    };
  },
};
