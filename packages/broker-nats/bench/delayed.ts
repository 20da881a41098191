/**
 * Delayed messages by the thousand: `node bench/delayed.ts [messages] [seconds]`. Publishes them due at random within that time from ten seconds
 * on, drains them as they come, and says how late they were, whether one was early, lost or doubled, and what the worker's memory did.
 */

import { randomUUID } from "node:crypto";
import { startNats } from "@lovage/services";
import { natsBroker } from "../src/index.ts";

const COUNT = Number(process.argv[2] ?? 100_000);
const WITHIN_MS = Number(process.argv[3] ?? 60) * 1_000;
const LEAD_MS = 15_000;

await using server = await startNats();
await using broker = natsBroker({ servers: server.url });
broker.onEvent((event) => event.type !== "connected" && console.log(event));
await broker.connect();
await broker.ensureQueue({ name: "bench", leaseMs: 30_000 });

const due = new Map<string, number>();
const lateness: number[] = [];
let doubled = 0;
const { promise: drained, resolve } = Promise.withResolvers<void>();
const seen = new Set<string>();
await broker.consume({ queue: "bench", credit: 200 }, (batch) => {
  const now = Date.now();
  for (const delivery of batch) {
    const { id } = delivery.message;
    if (seen.has(id)) doubled += 1;
    seen.add(id);
    const late = now - (due.get(id) ?? Number.NaN);
    if (late > 1000) console.log(late, (due.get(id) ?? 0) % 10000, now % 10000, delivery.deliveryCount);
    lateness.push(late);
    void delivery.ack();
  }
  if (seen.size === COUNT) resolve();
});

const rss = (): string => `${Math.round(process.memoryUsage().rss / 1_048_576)} MiB`;
const startedAt = Date.now();
const start = startedAt + LEAD_MS;
for (let left = COUNT; left > 0; left -= 1_000) {
  const messages = Array.from({ length: Math.min(1_000, left) }, () => {
    const dueAt = start + Math.random() * WITHIN_MS;
    const id = randomUUID();
    due.set(id, dueAt);
    return { id, queue: "bench", headers: { task: "bench.noop" }, body: "[[]]", priority: 5, dueAt };
  });
  const outcomes = await broker.publish(messages);
  const failed = outcomes.filter(({ status }) => status !== "accepted");
  if (failed.length > 0) throw new Error(`${failed.length} were not accepted`);
}
const took = Date.now() - startedAt;
console.log(`published ${COUNT} in ${took} ms, memory ${rss()} (their ids and due times here included)`);
const most = setTimeout(resolve, LEAD_MS + WITHIN_MS + 60_000);
await drained;
clearTimeout(most);
lateness.sort((a, b) => a - b);
const at = (share: number): string =>
  `${Math.round(lateness[Math.min(lateness.length - 1, Math.floor(lateness.length * share))] ?? 0)}`;
const early = lateness.filter((late) => late < 0).length;
console.log(
  `late by p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms; early ${early}, lost ${COUNT - seen.size}, doubled ${doubled}, memory ${rss()}`,
);
console.log(JSON.stringify(await broker.depth("bench")));
