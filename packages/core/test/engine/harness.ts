/** A worker on the memory broker and a pool whose runs are ended by hand. */

import { v7 as uuidv7 } from "uuid";
import type {
  Broker,
  Headers,
  OutgoingMessage,
  PoolCapabilities,
  ResultStore,
  TaskOptions,
} from "../../src/contracts/index.ts";
import { createWorker, type Worker, type WorkerEvent, type WorkerOptions } from "../../src/engine/index.ts";
import { createApp, task } from "../../src/index.ts";
import { memoryBroker } from "../../src/memory/index.ts";
import { HandPool } from "./hand-pool.ts";

export interface Harness {
  readonly worker: Worker;
  readonly broker: Broker;
  readonly pool: HandPool;
  readonly events: WorkerEvent[];
  /** The next event of this type, or the first one already seen that nobody asked for. */
  next<T extends WorkerEvent["type"]>(type: T): Promise<Extract<WorkerEvent, { type: T }>>;
  send(count?: number, options?: { task?: string; headers?: Partial<Headers>; queue?: string }): Promise<string[]>;
}

export interface HarnessOptions {
  readonly slots?: number;
  readonly capabilities?: Partial<PoolCapabilities>;
  readonly task?: Omit<TaskOptions, "schema">;
  readonly results?: ResultStore;
  readonly broker?: Broker;
  readonly queues?: readonly string[];
  readonly worker?: Partial<WorkerOptions>;
}

export async function harness(options: HarnessOptions = {}): Promise<Harness> {
  const broker = options.broker ?? memoryBroker();
  const pool = new HandPool(options.slots ?? 2, options.capabilities);
  const app = createApp({ tasks: [task("t", () => {}, options.task ?? {}), task("other", () => {})] });
  const worker = createWorker({
    app: { exportName: "default", definition: app },
    broker,
    pools: { io: { pool, buffer: 0 } },
    queues: (options.queues ?? ["io"]).map((name) => ({ name, pool: "io", declaration: { leaseMs: 1_000 } })),
    ...(options.results === undefined ? {} : { results: options.results }),
    ...options.worker,
  });
  const events: WorkerEvent[] = [];
  let seen = 0;
  const wake: (() => void)[] = [];
  worker.onEvent((event) => {
    events.push(event);
    for (const each of wake.splice(0)) each();
  });
  const taken = new Set<WorkerEvent>();
  await worker.start();
  return {
    worker,
    broker,
    pool,
    events,
    async next(type) {
      for (;;) {
        const found = events.find((event) => event.type === type && !taken.has(event));
        if (found !== undefined) {
          taken.add(found);
          return found as never;
        }
        seen = events.length;
        await new Promise<void>((resolve) => {
          if (events.length > seen) resolve();
          else wake.push(resolve);
        });
      }
    },
    async send(count = 1, { task: name = "t", headers = {}, queue = "io" } = {}) {
      const messages: OutgoingMessage[] = Array.from({ length: count }, () => ({
        id: uuidv7(),
        queue,
        headers: { task: name, ...headers },
        body: "[[]]",
        priority: 5,
      }));
      const outcomes = await broker.publish(messages);
      for (const outcome of outcomes) if (outcome.status !== "accepted") throw new Error(outcome.status);
      return messages.map((message) => message.id);
    },
  };
}
