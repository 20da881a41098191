/** What a pool costs by itself: tasks that do nothing, without a broker or an engine. */

import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import { createApp } from "@lovage/core";
import type { ClientPort, Pool, PoolContext, RunRequest } from "@lovage/core/contracts";
import { openApp, openPool } from "lovage";
import { compute, noop } from "../bench-app.ts";
import { median } from "../measure/statistics.ts";
import { DISPATCH_PEERS } from "../peers/dispatch-peers.ts";
import { fixed, runsWords, whole } from "../report/format.ts";
import { progressOf } from "../report/terminal.ts";
import { dispatchGoals } from "./dispatch-goals.ts";
import type { BenchOptions, Scenario } from "./scenario.ts";

const APP = fileURLToPath(new URL("../bench-app.js", import.meta.url));
const FIBONACCI = 30;
const COMPUTATIONS = 200;

/** Runs tasks with all of its units busy. */
export interface Dispatcher extends AsyncDisposable {
  /** Resolves when `count` tasks that do nothing have ended. */
  noops(count: number): Promise<void>;
  /** Resolves when `count` computations of `fibonacci(n)` have ended; absent where this is not compared. */
  computations?(count: number, n: number): Promise<void>;
}

export interface DispatchCase {
  readonly name: string;
  readonly tasks: number;
  readonly peer?: boolean;
  open(): Promise<Dispatcher>;
}

const CASES: readonly DispatchCase[] = [
  { name: "event:500", tasks: 500_000, open: () => openOurs("event", 500) },
  { name: "solo", tasks: 50_000, open: () => openOurs("solo", 1) },
  { name: "thread:2", tasks: 50_000, open: () => openOurs("thread", 2) },
  { name: "process:2", tasks: 100_000, open: () => openOurs("process", 2) },
  ...DISPATCH_PEERS,
];

const refused = (): never => {
  throw new Error("tasks of this benchmark use no connection");
};
const NO_CLIENT: ClientPort = { publish: refused, read: refused, waitFinal: refused, cancel: refused };

async function openOurs(kind: string, size: number): Promise<Dispatcher> {
  const { source } = await openApp(APP);
  const pool = await openPool({ kind, size });
  const context: PoolContext = {
    name: kind,
    app: source,
    worker: { id: "bench", host: hostname(), pid: process.pid, startedAt: Date.now(), version: "0.0.0" },
    client: NO_CLIENT,
    onProgress: () => {},
    onLog: () => {},
  };
  await pool.start(context);
  await using app = createApp({ tasks: [noop, compute], defaults: { result: false } });
  const nothing = app.task(noop).message();
  return {
    noops: (count) => keepBusy(pool, count, nothing),
    computations: (count, n) => keepBusy(pool, count, app.task(compute).message(n)),
    [Symbol.asyncDispose]: () => pool.close(),
  };
}

/** A new run as soon as there is a free slot. Rejects when one ends otherwise than by returning. */
function keepBusy(pool: Pool, count: number, message: Pick<RunRequest, "headers" | "body">): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const { headers, body } = message;
  const batch = randomUUID();
  let begun = 0;
  let ended = 0;
  const fill = (): void => {
    while (pool.free > 0 && begun < count) {
      const id = `${batch}-${begun++}`;
      const request = {
        id,
        task: headers.task,
        queue: "bench",
        headers,
        body,
        attempt: 1,
        deliveries: 1,
        retriesLeft: 0,
      };
      void pool.run(request).outcome.then((outcome) => {
        if (outcome.type !== "returned") reject(new Error(`a task ended as ${outcome.type}`));
        else if (++ended === count) resolve();
        else fill();
      });
    }
  };
  fill();
  return promise;
}

interface Dispatched {
  readonly perSecond: number;
  /** Processor time of the pool's process per task; threads are in it, child processes are not. */
  readonly cpuUs: number;
  /** Time for {@link COMPUTATIONS} computations. */
  readonly computeMs: number;
}

async function measure({ open, tasks }: DispatchCase): Promise<Dispatched> {
  await using dispatcher = await open();
  await dispatcher.noops(tasks / 10);
  const cpu = process.cpuUsage();
  const noopMs = await timed(() => dispatcher.noops(tasks));
  const { user, system } = process.cpuUsage(cpu);
  const computeMs = await timed(async () => dispatcher.computations?.(COMPUTATIONS, FIBONACCI));
  return {
    perSecond: (tasks / noopMs) * 1000,
    cpuUs: (user + system) / tasks,
    computeMs: dispatcher.computations === undefined ? Number.NaN : computeMs,
  };
}

async function timed(run: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await run();
  return performance.now() - started;
}

export const dispatch: Scenario = {
  name: "dispatch",
  about: "pools alone: tasks that do nothing a second, and computations, beside bare threads and processes",
  async run(options: BenchOptions) {
    const cases = CASES.filter((each) => options.peers || each.peer !== true)
      .filter(({ name }) => options.only?.includes(name) ?? true)
      .map((each) => ({ ...each, tasks: options.tasks ?? (options.quick ? each.tasks / 5 : each.tasks) }));
    const progress = progressOf(cases.length * options.runs);
    const measured = new Map<string, Dispatched[]>();
    for (let run = 1; run <= options.runs; run++) {
      for (const each of cases) {
        progress.at(`${each.name}, ${whole(each.tasks)} tasks, run ${run} of ${options.runs}`);
        measured.set(each.name, [...(measured.get(each.name) ?? []), await measure(each)]);
        progress.advance(1);
      }
    }
    progress.stop();
    const of = (name: string, which: keyof Dispatched) => median((measured.get(name) ?? []).map((each) => each[which]));
    return {
      name: "dispatch",
      title: "Pools alone",
      summary:
        "A pool is kept busy with tasks that do nothing, without broker and engine; then with a computation. Beside it, bare children and the libraries that others build on, with as many units.",
      tables: [
        {
          caption: "Tasks that do nothing, and tasks that compute",
          head: ["pool", "tasks/s", "CPU of its process per task", `fibonacci(${FIBONACCI}) × ${COMPUTATIONS}`],
          rows: cases.map(({ name }) => [
            name,
            whole(of(name, "perSecond")),
            `${fixed(of(name, "cpuUs"), 1)} µs`,
            Number.isNaN(of(name, "computeMs")) ? "–" : `${whole(of(name, "computeMs"))} ms`,
          ]),
        },
      ],
      charts: [],
      goals: dispatchGoals({
        perSecond: (name) => of(name, "perSecond"),
        computeMs: (name) => of(name, "computeMs"),
      }),
      notes: [
        runsWords(options.runs),
        "The processor time is that of the process that holds the pool: threads are in it, child processes are not.",
      ],
      data: Object.fromEntries(measured),
    };
  },
};
