/** Celery, the queue that this one has its shape from: a worker of Python processes on the same server. */

import { BenchPlace, type BrokerKind } from "../measure/bench-place.ts";
import { percentile } from "../measure/statistics.ts";
import { type CeleryPool, CeleryWorker, celeryVersion, produce } from "./celery-process.ts";
import type { Drained, Latency, Peer, PeerDrain, WaitingPeer } from "./peer.ts";

const SOLO: CeleryPool = { pool: "solo", concurrency: 1, prefetch: 64 };
const THREADS: CeleryPool = { pool: "threads", concurrency: 50, prefetch: 4 };
const PROCESSES: CeleryPool = { pool: "prefork", concurrency: 2, prefetch: 64 };
const DRAINED = 5_000;

const DURABILITY: Readonly<Record<string, string>> = {
  redis: "on the same Redis",
  rabbitmq:
    "in a durable classic queue with persistent messages and confirmed publishing: this version cannot consume a quorum queue, so what it stores is on one node. Its thread pool stands still for ten seconds in some runs, with late acks on AMQP",
};

/** Rejects, with what a person can do, where there is no Celery and it cannot be installed. */
export async function celeryOn(broker: BrokerKind): Promise<Peer> {
  const version = await celeryVersion();
  const drain = (name: string, against: readonly string[], pool: CeleryPool): PeerDrain => ({
    name: `Celery, ${name}`,
    against,
    tasks: DRAINED,
    drain: (count) => drainIn(broker, pool, count),
  });
  return {
    name: "Celery",
    note: `Celery ${version} ${DURABILITY[broker.name]}. Late acks, results ignored, no events, 64 messages prefetched for each process.`,
    drains: [
      drain("solo", ["event:1", "solo"], SOLO),
      drain("50 threads", ["event:50", "event:500"], THREADS),
      drain("2 processes", ["thread:2", "process:2"], PROCESSES),
    ],
    stores: [
      {
        name: "Celery, one at a time",
        against: "one at a time",
        tasks: 3_000,
        store: (count) => inPlace(broker, (place) => produce(place, ["store", count])),
      },
    ],
    latency: (count, pauseMs) => latencyIn(broker, count, pauseMs),
    waiting: WAITING.map((pool) => ({
      name: `Celery ${pool.pool}`,
      concurrency: pool.concurrency,
      wait: (tasks, taskMs) => waitIn(broker, pool, tasks, taskMs),
    })),
  };
}

const WAITING: readonly CeleryPool[] = [
  ...[5, 50, 100].map((concurrency) => ({ pool: "prefork", concurrency, prefetch: 1 }) as const),
  { pool: "threads", concurrency: 100, prefetch: 4 },
];

async function inPlace<T>(broker: BrokerKind, action: (place: BenchPlace) => Promise<T>): Promise<T> {
  await using place = await BenchPlace.open(broker);
  return await action(place);
}

function drainIn(broker: BrokerKind, pool: CeleryPool, count: number): Promise<Drained> {
  return inPlace(broker, async (place) => {
    await produce(place, ["fill", count]);
    await using worker = await CeleryWorker.start(place, pool);
    const { spanMs } = await worker.ran(count);
    return { perSecond: (count / spanMs) * 1000, cpuUs: (worker.cpuMs() * 1000) / count, pssBytes: worker.pss() };
  });
}

function latencyIn(broker: BrokerKind, count: number, pauseMs: () => number): Promise<Latency> {
  return inPlace(broker, async (place) => {
    await using worker = await CeleryWorker.start(place, { ...SOLO, prefetch: 4 });
    await produce(place, ["arrive", count], pauseMs);
    await worker.ran(count);
    const all = worker.latencies();
    return { p50: percentile(all, 0.5), p99: percentile(all, 0.99), max: percentile(all, 1) };
  });
}

function waitIn(broker: BrokerKind, pool: CeleryPool, tasks: number, taskMs: number): ReturnType<WaitingPeer["wait"]> {
  return inPlace(broker, async (place) => {
    await using worker = await CeleryWorker.start(place, pool);
    const idle = worker.pss();
    await produce(place, ["wait", tasks, taskMs]);
    const { spanMs } = await worker.ran(tasks);
    return {
      makespanMs: spanMs,
      readyMs: worker.readyMs,
      cpuMs: worker.cpuMs(),
      pssBytes: Math.max(idle, worker.pss()),
    };
  });
}
