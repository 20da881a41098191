/** The producer's side of a run: enqueues, and knows when nothing is left. */

import { type App, createApp, type TaskRef } from "@lovage/core";
import type { Broker } from "@lovage/core/contracts";
import type { WorkerStats } from "@lovage/core/engine";
import { connect } from "lovage";
import { arrive, compute, noop, wait } from "../bench-app.ts";
import type { BenchPlace } from "./bench-place.ts";

const QUEUES = ["io", "cpu"];
const BATCH = 5_000;
const POLL_MS = 50;

export class BenchQueue implements AsyncDisposable {
  readonly app: App;
  readonly broker: Broker;
  readonly noop: TaskRef<typeof noop>;
  readonly wait: TaskRef<typeof wait>;
  readonly compute: TaskRef<typeof compute>;
  readonly arrive: TaskRef<typeof arrive>;

  private constructor(broker: Broker) {
    this.broker = broker;
    this.app = createApp({ tasks: [noop, wait, compute, arrive], broker, defaults: { result: false } });
    this.noop = this.app.task(noop);
    this.wait = this.app.task(wait);
    this.compute = this.app.task(compute);
    this.arrive = this.app.task(arrive);
  }

  static async open(place: BenchPlace): Promise<BenchQueue> {
    const { broker } = await connect(place.brokerUrl, { results: "none", from: import.meta.dirname });
    await Promise.all(QUEUES.map((name) => broker.ensureQueue({ name })));
    return new BenchQueue(broker);
  }

  /** Workers get nothing until {@link resume}: so that they can be ready, and their start-up measured apart, before work begins. */
  async pause(): Promise<void> {
    await Promise.all(QUEUES.map((queue) => this.broker.pause(queue)));
  }

  async resume(): Promise<void> {
    await Promise.all(QUEUES.map((queue) => this.broker.resume(queue)));
  }

  async fillWithNoops(count: number, delayMs = 0): Promise<void> {
    const noop = delayMs === 0 ? this.noop : this.noop.with({ delay: delayMs });
    for (let sent = 0; sent < count; sent += BATCH) {
      await noop.enqueueMany(Array.from({ length: Math.min(BATCH, count - sent) }, () => []));
    }
  }

  /** Resolves when no more than `count` wait. */
  async shrunkTo(count: number): Promise<void> {
    while (((await this.broker.depth("io")).ready ?? 0) > count) await sleep(POLL_MS);
  }

  /** Resolves when nothing waits and nobody holds anything of the `tasks` there were; rejects when messages died. Looks rarely and cheaply, to leave the processor to the worker. */
  async drained(tasks: number): Promise<void> {
    for (const queue of QUEUES) {
      while ((await this.broker.oldestReadyAge(queue)) !== undefined) await sleep(POLL_MS);
      for (;;) {
        const { ready, delayed, owned, dead } = await this.broker.depth(queue);
        if ((dead ?? 0) > 0) throw new Error(`${dead} tasks of queue ${queue} failed`);
        if ((ready ?? 0) + (delayed ?? 0) + (owned ?? 0) === 0) break;
        await sleep(POLL_MS);
      }
    }
    if (!this.broker.capabilities.depth.owned) while ((await this.#succeeded()) < tasks) await sleep(POLL_MS);
  }

  /** As the workers say: where the broker cannot tell what they hold. */
  async #succeeded(): Promise<number> {
    const control = this.broker.control;
    if (control === undefined) throw new Error(`${this.broker.name} tells neither what is owned nor what workers say`);
    let succeeded = 0;
    const question = { name: "inspect", args: { what: "stats" } };
    for await (const reply of control.broadcast(question, { timeoutMs: 2_000, expect: 1 })) {
      if (!reply.ok) throw new Error(`a worker answered: ${reply.error}`);
      succeeded += (reply.value as WorkerStats).totals.succeeded;
    }
    return succeeded;
  }

  /** Collects `count` successes from the event stream of all workers. Call `collected` after enqueueing; it rejects when they have not come within `timeoutMs`. */
  async listen(count: number): Promise<{ collected(timeoutMs: number): Promise<readonly Success[]> }> {
    const control = this.broker.control;
    if (control === undefined) throw new Error(`${this.broker.name} carries no events`);
    const successes: Success[] = [];
    const { promise: complete, resolve, reject } = Promise.withResolvers<void>();
    complete.catch(() => {}); // told to whoever collects
    const stop = await control.listen((events) => {
      for (const event of events) {
        if (event.type === "task-succeeded") {
          const { id, task, queue, startedAt = Number.NaN, durationMs = Number.NaN } = event;
          successes.push({ id, task, queue, startedAt, durationMs });
        } else if (event.type === "task-failed") reject(new Error(`${event.task} failed: ${event.error.message}`));
      }
      if (successes.length >= count) resolve();
    });
    return {
      async collected(timeoutMs) {
        const late = setTimeout(
          () => reject(new Error(`${successes.length} of ${count} tasks finished within ${timeoutMs} ms`)),
          timeoutMs,
        );
        try {
          await complete;
          return successes;
        } finally {
          clearTimeout(late);
          await stop();
        }
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app.close();
  }
}

/** When a task ran, by its executor's clock. */
export interface Success {
  readonly id: string;
  readonly task: string;
  readonly queue: string;
  readonly startedAt: number;
  readonly durationMs: number;
}

/** From the first start to the last end, in ms. */
export function makespanMs(successes: readonly Success[]): number {
  const first = successes.reduce((least, { startedAt }) => Math.min(least, startedAt), Number.POSITIVE_INFINITY);
  const last = successes.reduce((most, { startedAt, durationMs }) => Math.max(most, startedAt + durationMs), 0);
  return last - first;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
