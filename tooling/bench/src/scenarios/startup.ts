/** How long until a worker is ready, and what it takes while it has nothing to do. */

import { setTimeout as sleep } from "node:timers/promises";
import { BenchPlace, type BrokerKind } from "../measure/bench-place.ts";
import { BenchQueue } from "../measure/bench-queue.ts";
import { BenchWorker } from "../measure/bench-worker.ts";
import { median } from "../measure/statistics.ts";
import { fixed, mebibytes, runsWords, seconds } from "../report/format.ts";
import { atMost } from "../report/goal.ts";
import { progressOf } from "../report/terminal.ts";
import { type BenchOptions, nameOf, type Scenario } from "./scenario.ts";

interface Case {
  readonly name: string;
  readonly pools: readonly string[];
  /** Executors beyond the worker itself whose memory is told apart. */
  readonly executors: number;
}

const single = (name: string, executors: number): Case => ({
  name,
  pools: ["--pool", `main=${name}`, "-Q", "main:io"],
  executors,
});

const CASES: readonly Case[] = [
  single("event:100", 0),
  single("solo:1", 0),
  single("thread:2", 2),
  single("thread:20", 20),
  single("process:2", 2),
  single("process:20", 20),
  {
    name: "event:100 and process:2",
    pools: ["--pool", "io=event:100", "--pool", "cpu=process:2", "-Q", "io:io", "-Q", "cpu:cpu"],
    executors: 0,
  },
];
const IDLE_MS = 1_000;

interface Started {
  readonly readyMs: number;
  /** Processor time until then, executors included: the part that a busy machine does not stretch. */
  readonly readyCpuMs: number;
  readonly pssBytes: number;
  /** Share of one core that the idle worker takes. */
  readonly idleCpu: number;
}

async function start(pools: readonly string[], broker: BrokerKind): Promise<Started> {
  await using place = await BenchPlace.open(broker);
  // As a worker finds it but the first: what is made once is there.
  await (await BenchQueue.open(place))[Symbol.asyncDispose]();
  await using worker = await BenchWorker.start({ place, pools });
  const readyCpuMs = worker.cpuMs();
  await sleep(IDLE_MS / 2);
  const cpuBefore = worker.cpuMs();
  await sleep(IDLE_MS);
  const idleCpu = (worker.cpuMs() - cpuBefore) / IDLE_MS;
  const pssBytes = worker.pss();
  await worker.stop();
  return { readyMs: worker.readyMs, readyCpuMs, pssBytes, idleCpu };
}

export const startup: Scenario = {
  name: "startup",
  about: "time until a worker is ready, and its memory and processor time when idle",
  async run(options: BenchOptions) {
    const cases = CASES.filter(({ name }) => options.only?.includes(name) ?? true);
    const progress = progressOf(cases.length * options.runs);
    const measured = new Map<string, Started[]>();
    for (let run = 1; run <= options.runs; run++) {
      for (const { name, pools } of cases) {
        progress.at(`${name}, run ${run} of ${options.runs}`);
        measured.set(name, [...(measured.get(name) ?? []), await start(pools, options.broker)]);
        progress.advance(1);
      }
    }
    progress.stop();
    const of = (name: string, which: keyof Started) => median((measured.get(name) ?? []).map((each) => each[which]));
    const each = (kind: string): number => {
      const [few, many] = CASES.filter(({ name, executors }) => executors > 0 && name.startsWith(kind));
      if (few === undefined || many === undefined || !measured.has(few.name) || !measured.has(many.name)) {
        return Number.NaN;
      }
      return (of(many.name, "pssBytes") - of(few.name, "pssBytes")) / (many.executors - few.executors);
    };
    const told = (kind: string): string[] =>
      Number.isNaN(each(kind)) ? [] : [`Each further ${kind} takes ${mebibytes(each(kind))}.`];
    return {
      name: nameOf("startup", options.broker),
      title: "A worker with nothing to do",
      summary: `From starting the command to its saying that it is ready, ${options.broker.name} broker that has its queues; then its memory and processor time after ${(IDLE_MS * 1.5) / 1000} s without work.`,
      tables: [
        {
          caption: "Ready and idle",
          head: ["pools", "ready", "CPU until ready", "memory (PSS)", "CPU when idle"],
          rows: cases.map(({ name }) => [
            name,
            seconds(of(name, "readyMs")),
            seconds(of(name, "readyCpuMs")),
            mebibytes(of(name, "pssBytes")),
            `${fixed(of(name, "idleCpu") * 100, 1)} %`,
          ]),
        },
      ],
      charts: [],
      goals: [
        atMost("ready, event:100", 400, of("event:100", "readyMs"), seconds),
        atMost("memory of a further process", 14 * 2 ** 20, each("process"), mebibytes),
      ],
      notes: [runsWords(options.runs), ...told("thread"), ...told("process")],
      data: Object.fromEntries(measured),
    };
  },
};
