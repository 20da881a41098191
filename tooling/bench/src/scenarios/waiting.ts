/** One worker, one pool, tasks that wait: how long until all are done, and what it takes. */

import { BenchPlace, type BrokerKind } from "../measure/bench-place.ts";
import { BenchQueue, makespanMs } from "../measure/bench-queue.ts";
import { BenchWorker } from "../measure/bench-worker.ts";

export interface Waited {
  readonly kind: string;
  readonly concurrency: number;
  readonly tasks: number;
  /** N·t/c: the time that no pool can beat. */
  readonly idealMs: number;
  /** From the first start to the last end, by the event stream. */
  readonly makespanMs: number;
  /** From spawning the worker to its being ready. */
  readonly readyMs: number;
  /** Proportional memory of worker and executors, the greater of when ready and when done. */
  readonly pssBytes: number;
  /** Processor time of worker and executors from ready to done. */
  readonly cpuMs: number;
}

/** The default measurement is ten seconds of work at most: fewer tasks where few run at once. */
export function tasksFor(concurrency: number, most: number, taskMs: number, longestMs: number): number {
  return Math.min(most, Math.max(concurrency, Math.floor((longestMs / taskMs) * concurrency)));
}

export async function waitInPool(
  kind: string,
  concurrency: number,
  tasks: number,
  taskMs: number,
  broker: BrokerKind,
): Promise<Waited> {
  await using place = await BenchPlace.open(broker);
  await using queue = await BenchQueue.open(place);
  const pools = ["--pool", `main=${kind}:${concurrency}`, "-Q", "main:io"];
  await using worker = await BenchWorker.start({ place, pools });
  const idle = worker.pss();
  const idealMs = (tasks * taskMs) / concurrency;
  const listener = await queue.listen(tasks);
  const cpuBefore = worker.cpuMs();
  await queue.wait.enqueueMany(Array.from({ length: tasks }, () => [taskMs]));
  const successes = await listener.collected(idealMs * 2 + 60_000);
  const cpuMs = worker.cpuMs() - cpuBefore;
  const pssBytes = Math.max(idle, worker.pss());
  await worker.stop();
  return {
    kind,
    concurrency,
    tasks,
    idealMs,
    makespanMs: makespanMs(successes),
    readyMs: worker.readyMs,
    pssBytes,
    cpuMs,
  };
}
