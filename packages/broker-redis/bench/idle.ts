/**
 * What an idle worker asks of the server, and how soon it has a message that is published while it waits; beside a bare client that blocks on
 * a list. `node packages/broker-redis/bench/idle.ts [queues] [messages]`. Published and taken in one process: the machine's clock is one.
 */

import { randomUUID } from "node:crypto";
import { setTimeout as elapse } from "node:timers/promises";
import { startRedis } from "@lovage/services";
import { Redis } from "ioredis";
import { redisBroker } from "../src/index.ts";

const QUEUES = Number(process.argv[2] ?? 10);
const MESSAGES = Number(process.argv[3] ?? 500);
const WATCH_MS = 10_000;

await using server = await startRedis();
const client = new Redis(server.port, "127.0.0.1");
await using worker = redisBroker(server.url);
await using producer = redisBroker(server.url);
await Promise.all([worker.connect(), producer.connect()]);

/** Scripts and other commands that clients sent, without what scripts do inside. */
async function asked(): Promise<number> {
  const counts = [...(await client.info("commandstats")).matchAll(/cmdstat_(evalsha|eval|bzpopmin|ping):calls=(\d+)/g)];
  return counts.reduce((sum, [, , calls]) => sum + Number(calls), 0);
}

function report(what: string, tookMs: readonly number[]): void {
  const sorted = [...tookMs].sort((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] as number).toFixed(2);
  console.log(`${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
}

let arrived = (): void => {};
for (let index = 0; index < QUEUES; index += 1) {
  await worker.ensureQueue({ name: `q${index}` });
  await worker.consume({ queue: `q${index}`, credit: 10 }, (batch) => {
    arrived();
    for (const delivery of batch) void delivery.ack();
  });
}
await elapse(1_000);
const before = await asked();
await elapse(WATCH_MS);
const perSecond = ((await asked()) - before) / (WATCH_MS / 1_000);
console.log(`idle: ${perSecond.toFixed(2)} commands a second, ${(perSecond / QUEUES).toFixed(2)} per queue`);

const ours: number[] = [];
for (let sent = 0; sent < MESSAGES; sent += 1) {
  await elapse(5);
  const sentAt = performance.now();
  const here = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const message = { id: randomUUID(), queue: "q0", headers: { task: "bench" }, body: "[[]]", priority: 5 };
  await Promise.all([producer.publish([message]), here]);
  ours.push(performance.now() - sentAt);
}
report("publish to delivery", ours);

const blocking = client.duplicate();
const bare: number[] = [];
for (let sent = 0; sent < MESSAGES; sent += 1) {
  const taken = blocking.blpop("bare", 0);
  await elapse(5);
  const sentAt = performance.now();
  await Promise.all([client.rpush("bare", "[[]]"), taken]);
  bare.push(performance.now() - sentAt);
}
report("bare RPUSH to BLPOP", bare);
blocking.disconnect();
client.disconnect();
