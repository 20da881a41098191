/** How fast one producer process stores messages. */

import { BenchPlace, type BrokerKind } from "../measure/bench-place.ts";
import { BenchQueue } from "../measure/bench-queue.ts";
import { median } from "../measure/statistics.ts";
import { inFlight } from "../peers/peer-process.ts";
import { peersOf } from "../peers/peers-of.ts";
import { fixed, runsWords, whole } from "../report/format.ts";
import { progressOf } from "../report/terminal.ts";
import { enqueueGoals } from "./enqueue-goals.ts";
import { type BenchOptions, nameOf, type Scenario } from "./scenario.ts";

const IN_FLIGHT = 500;

interface Case {
  readonly name: string;
  readonly tasks: number;
  store(queue: BenchQueue, tasks: number): Promise<void>;
}

const bulk = (perCall: number): Case => ({
  name: `bulk, ${whole(perCall)} per call`,
  tasks: 200_000,
  async store({ noop }, tasks) {
    for (let sent = 0; sent < tasks; sent += perCall) {
      await noop.enqueueMany(Array.from({ length: Math.min(perCall, tasks - sent) }, () => []));
    }
  },
});

const CASES: readonly Case[] = [
  bulk(1_000),
  bulk(10_000),
  {
    name: `concurrently, ${IN_FLIGHT} in flight`,
    tasks: 50_000,
    async store({ noop }, tasks) {
      await inFlight(tasks, IN_FLIGHT, () => noop.enqueue());
    },
  },
  {
    name: "one at a time",
    tasks: 5_000,
    async store({ noop }, tasks) {
      for (let sent = 0; sent < tasks; sent++) await noop.enqueue();
    },
  },
];

/** In an empty queue. Resolves with the time that it took, in ms. */
async function storeIn(broker: BrokerKind, { store }: Case, tasks: number): Promise<number> {
  await using place = await BenchPlace.open(broker);
  await using queue = await BenchQueue.open(place);
  const started = performance.now();
  await store(queue, tasks);
  const tookMs = performance.now() - started;
  const { ready } = await queue.broker.depth("io");
  if (ready !== tasks) throw new Error(`${ready} messages are in the queue, ${tasks} were stored`);
  return tookMs;
}

export const enqueue: Scenario = {
  name: "enqueue",
  about: "messages a second from one producer: in bulk, concurrently, one at a time",
  async run(options: BenchOptions) {
    const { peers, notes } = await peersOf(options.broker, options.peers);
    const subjects = [
      ...CASES.map((each) => ({ ...each, run: (tasks: number) => storeIn(options.broker, each, tasks) })),
      ...peers.flatMap(({ stores }) => stores).map(({ name, tasks, store: run }) => ({ name, tasks, run })),
    ].map((each) => ({ ...each, tasks: options.tasks ?? (options.quick ? each.tasks / 5 : each.tasks) }));
    const progress = progressOf(subjects.length * options.runs);
    const rates = new Map<string, number[]>();
    for (let run = 1; run <= options.runs; run++) {
      for (const { name, tasks, run: once } of subjects) {
        progress.at(`${name}, run ${run} of ${options.runs}`);
        rates.set(name, [...(rates.get(name) ?? []), (tasks / (await once(tasks))) * 1000]);
        progress.advance(1);
      }
    }
    progress.stop();
    const of = (name: string) => median(rates.get(name) ?? []);
    const beside = (name: string, peer: (typeof peers)[number]): string => {
      const other = peer.stores.find(({ against }) => against === name)?.name;
      return other === undefined ? "–" : `${fixed(of(name) / of(other), 1)} ×`;
    };
    return {
      name: nameOf("enqueue", options.broker),
      title: "Storing messages",
      summary: `One producer process stores messages for a task without arguments in an empty queue; nobody takes them. ${options.broker.about}.`,
      tables: [
        {
          caption: "Messages a second",
          head: ["how", "messages", "messages/s", ...peers.map(({ name }) => `÷ ${name}`)],
          rows: subjects.map(({ name, tasks }) => [
            name,
            whole(tasks),
            whole(of(name)),
            ...peers.map((peer) => beside(name, peer)),
          ]),
        },
      ],
      charts: [],
      goals: enqueueGoals(options.broker.name, of),
      notes: [`${runsWords(options.runs)} Every message is counted in the queue afterwards.`, ...notes],
      data: subjects.map(({ name, tasks }) => ({ name, tasks, perSecond: rates.get(name) })),
    };
  },
};
