/** Tasks that wait and tasks that compute, in one pool and in two. */

import { BenchPlace, type BrokerKind } from "../measure/bench-place.ts";
import { BenchQueue, makespanMs } from "../measure/bench-queue.ts";
import { BenchWorker } from "../measure/bench-worker.ts";
import { percentile } from "../measure/statistics.ts";

export interface MixLoad {
  readonly waiting: number;
  readonly waitMs: number;
  readonly computing: number;
  /** Argument of the computation. */
  readonly n: number;
}

export interface MixCase {
  readonly name: string;
  readonly flags: readonly string[];
}

export interface Mixed {
  readonly name: string;
  readonly makespanMs: number;
  /** When the last waiting task was done. */
  readonly waitedMs: number;
  /** How much later than asked the waiting tasks came back: 99 % of them not later than this. */
  readonly lateMs: number;
  readonly pssBytes: number;
  readonly readyMs: number;
}

const onePool = (kind: string, size: number): MixCase => ({
  name: `all in ${kind}:${size}`,
  flags: ["--pool", `main=${kind}:${size}`, "-Q", "main:io,cpu"],
});

export const MIX_CASES: readonly MixCase[] = [
  onePool("event", 100),
  onePool("thread", 2),
  onePool("process", 2),
  onePool("thread", 100),
  onePool("process", 100),
  {
    name: "routed: event:100 and process:2",
    flags: ["--pool", "io=event:100", "--pool", "cpu=process:2", "-Q", "io:io", "-Q", "cpu:cpu"],
  },
];

export async function mixIn({ name, flags }: MixCase, load: MixLoad, broker: BrokerKind): Promise<Mixed> {
  await using place = await BenchPlace.open(broker);
  await using queue = await BenchQueue.open(place);
  await using worker = await BenchWorker.start({ place, pools: flags });
  const idle = worker.pss();
  const tasks = load.waiting + load.computing;
  const listener = await queue.listen(tasks);
  await Promise.all([
    queue.wait.enqueueMany(Array.from({ length: load.waiting }, () => [load.waitMs])),
    queue.compute.enqueueMany(Array.from({ length: load.computing }, () => [load.n])),
  ]);
  const successes = await listener.collected(300_000);
  const pssBytes = Math.max(idle, worker.pss());
  await worker.stop();
  const waits = successes.filter((success) => success.task === "bench.wait");
  return {
    name,
    makespanMs: makespanMs(successes),
    waitedMs: makespanMs(waits),
    lateMs: percentile(
      waits.map(({ durationMs }) => durationMs - load.waitMs),
      0.99,
    ),
    pssBytes,
    readyMs: worker.readyMs,
  };
}
