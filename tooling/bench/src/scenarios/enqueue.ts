/** How fast one producer process stores messages. */

import { BenchFolder } from "../measure/bench-folder.ts";
import { BenchQueue } from "../measure/bench-queue.ts";
import { median } from "../measure/statistics.ts";
import { openPlainjob } from "../peers/plainjob.ts";
import { runsWords, whole } from "../report/format.ts";
import { progressOf } from "../report/terminal.ts";
import type { BenchOptions, Scenario } from "./scenario.ts";

const PEER_PER_CALL = 1_000;
const IN_FLIGHT = 500;

interface Case {
  readonly name: string;
  readonly tasks: number;
  readonly peer?: boolean;
  /** Stores `tasks` messages in a new queue. Resolves with the time that took, in ms. */
  store(tasks: number): Promise<number>;
}

const bulk = (perCall: number): Case => ({
  name: `bulk, ${whole(perCall)} per call`,
  tasks: 200_000,
  store: (tasks) =>
    withQueue(tasks, async ({ noop }) => {
      for (let sent = 0; sent < tasks; sent += perCall) {
        await noop.enqueueMany(Array.from({ length: Math.min(perCall, tasks - sent) }, () => []));
      }
    }),
});

const CASES: readonly Case[] = [
  bulk(1_000),
  bulk(10_000),
  {
    name: `concurrently, ${IN_FLIGHT} in flight`,
    tasks: 50_000,
    store: (tasks) =>
      withQueue(tasks, async ({ noop }) => {
        let left = tasks;
        const one = async (): Promise<void> => {
          while (left-- > 0) await noop.enqueue();
        };
        await Promise.all(Array.from({ length: IN_FLIGHT }, one));
      }),
  },
  {
    name: "one at a time",
    tasks: 5_000,
    store: (tasks) =>
      withQueue(tasks, async ({ noop }) => {
        for (let sent = 0; sent < tasks; sent++) await noop.enqueue();
      }),
  },
  {
    name: `plainjob, bulk, ${whole(PEER_PER_CALL)} per call`,
    tasks: 100_000,
    peer: true,
    store: (tasks) =>
      withPlainjob((queue) => {
        for (let sent = 0; sent < tasks; sent += PEER_PER_CALL) {
          queue.addMany(
            "noop",
            Array.from({ length: Math.min(PEER_PER_CALL, tasks - sent) }, () => ({})),
          );
        }
      }),
  },
  {
    name: "plainjob, one at a time",
    tasks: 20_000,
    peer: true,
    store: (tasks) =>
      withPlainjob((queue) => {
        for (let sent = 0; sent < tasks; sent++) queue.add("noop", {});
      }),
  },
];

async function withQueue(tasks: number, store: (queue: BenchQueue) => Promise<void>): Promise<number> {
  using folder = new BenchFolder();
  await using queue = await BenchQueue.open(folder);
  const started = performance.now();
  await store(queue);
  const tookMs = performance.now() - started;
  const { ready } = await queue.broker.depth("io");
  if (ready !== tasks) throw new Error(`${ready} messages are in the queue, ${tasks} were stored`);
  return tookMs;
}

async function withPlainjob(store: (queue: Awaited<ReturnType<typeof openPlainjob>>) => void): Promise<number> {
  using folder = new BenchFolder();
  const queue = await openPlainjob(folder.queueFile);
  const started = performance.now();
  store(queue);
  const tookMs = performance.now() - started;
  queue.close();
  return tookMs;
}

export const enqueue: Scenario = {
  name: "enqueue",
  about: "messages a second from one producer: in bulk, concurrently, one at a time",
  async run(options: BenchOptions) {
    const cases = CASES.filter((each) => options.peers || each.peer !== true).map((each) => ({
      ...each,
      tasks: options.tasks ?? (options.quick ? each.tasks / 5 : each.tasks),
    }));
    const progress = progressOf(cases.length * options.runs);
    const rates = new Map<string, number[]>();
    for (let run = 1; run <= options.runs; run++) {
      for (const { name, tasks, store } of cases) {
        progress.at(`${name}, run ${run} of ${options.runs}`);
        rates.set(name, [...(rates.get(name) ?? []), (tasks / (await store(tasks))) * 1000]);
        progress.advance(1);
      }
    }
    progress.stop();
    return {
      name: "enqueue",
      title: "Storing messages",
      summary:
        "One producer process stores messages for a task without arguments in an empty queue; nobody takes them. SQLite broker, each commit on disk (`synchronous=FULL`).",
      tables: [
        {
          caption: "Messages a second",
          head: ["how", "messages", "messages/s"],
          rows: cases.map(({ name, tasks }) => [name, whole(tasks), whole(median(rates.get(name) ?? []))]),
        },
      ],
      charts: [],
      notes: [
        `${runsWords(options.runs)} Every message is counted in the queue afterwards.`,
        ...(options.peers ? ["plainjob sets `synchronous=NORMAL`: it does not wait for the disk at each commit."] : []),
      ],
      data: cases.map(({ name, tasks }) => ({ name, tasks, perSecond: rates.get(name) })),
    };
  },
};
