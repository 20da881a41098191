/** A bee-queue worker as a process of its own. */

import { beeQueueOf } from "./bee-queue.ts";
import { began, ended, orderOf, ready } from "./peer-worker.ts";
import type { RedisOrder } from "./redis-jobs.ts";

const order = orderOf<RedisOrder>();
const queue = beeQueueOf(order.peers, order.port, { isWorker: true });
queue.on("error", (error: Error) => console.error(error));
queue.on("failed", (_job: unknown, error: Error) => {
  console.error(error);
  process.exit(1);
});
queue.on("succeeded", () => ended());
await queue.ready();
ready();
queue.process(order.concurrency, async ({ data }) => {
  began(data);
});
