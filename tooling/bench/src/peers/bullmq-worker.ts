/** A BullMQ worker as a process of its own. */

import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { began, ended, orderOf, ready } from "./peer-worker.ts";
import type { RedisOrder } from "./redis-jobs.ts";

interface Job {
  readonly data: { readonly enqueuedAt?: number };
}

interface BullWorker {
  waitUntilReady(): Promise<unknown>;
  run(): Promise<void>;
  on(event: "active" | "completed" | "failed" | "error", listener: (...args: never[]) => void): this;
}

const order = orderOf<RedisOrder>();
const require = createRequire(order.peers);
const { Worker } = (await import(pathToFileURL(require.resolve("bullmq")).href)) as {
  Worker: new (name: string, processor: string | ((job: Job) => Promise<void>), options: object) => BullWorker;
};

const inLoop = async ({ data }: Job): Promise<void> => {
  began(data);
};
const worker = new Worker(
  "bench",
  order.mode === "loop" ? inLoop : fileURLToPath(new URL("noop.js", import.meta.url)),
  {
    autorun: false,
    connection: { host: "127.0.0.1", port: order.port },
    concurrency: order.concurrency,
    useWorkerThreads: order.mode === "threads",
  },
);
worker.on("error", (error: Error) => console.error(error));
worker.on("failed", (_job: unknown, error: Error) => {
  console.error(error);
  process.exit(1);
});
if (order.mode !== "loop") worker.on("active", () => began());
worker.on("completed", () => ended());
await worker.waitUntilReady();
ready();
await worker.run();
