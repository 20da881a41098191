/**
 * What the adapter makes of its scripts, beside the same scripts called bare in a loop with ioredis, in one run on one server of its own:
 * `node packages/broker-redis/bench/raw.ts [messages]`. Ratios count, not records.
 */

import { randomUUID } from "node:crypto";
import type { Delivery, OutgoingMessage } from "@lovage/core/contracts";
import { startRedis } from "@lovage/services";
import { Redis } from "ioredis";
import { redisBroker } from "../src/index.ts";
import { allKeys, Layout } from "../src/redis-layout.ts";
import { PUBLISH } from "../src/scripts/publish.ts";
import { TURN } from "../src/scripts/turn.ts";

const COUNT = Number(process.argv[2] ?? 30_000);
const ROUNDS = 3;
const BODY = JSON.stringify([[{ url: "https://example.org/", words: "x".repeat(120) }]]);
const message = (queue: string): OutgoingMessage => ({
  id: randomUUID(),
  queue,
  headers: { task: "bench", publishedAt: Date.now() },
  body: BODY,
  priority: 5,
});

await using server = await startRedis();
const client = new Redis(server.port, "127.0.0.1");
const layout = new Layout("lovage");
const keys = layout.queue("bench");
const evaluate = (script: typeof TURN, args: (string | number)[]): Promise<unknown> => {
  const names = script.keys.map((key) => keys[key]);
  return client.evalsha(script.sha, names.length, ...names, ...args);
};
for (const script of [PUBLISH, TURN]) await client.script("LOAD", script.source);
await using broker = redisBroker(server.url);
await broker.connect();
await broker.ensureQueue({ name: "bench" });

interface Row {
  readonly what: string;
  readonly perSecond: number;
  readonly cpuUs: number;
}
const rows: Row[] = [];

async function measure(what: string, action: () => Promise<void>): Promise<void> {
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  await action();
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  rows.push({ what, perSecond: COUNT / seconds, cpuUs: (user + system) / COUNT });
}

async function barePublish(batch: number): Promise<void> {
  const envelopes = Array.from({ length: COUNT }, () => [
    randomUUID(),
    `5t{"task":"bench","publishedAt":${Date.now()}}\n${BODY}`,
  ]);
  await measure(`bare publish script, ${batch} at a time`, async () => {
    for (let at = 0; at < COUNT; at += batch) {
      const part = envelopes.slice(at, at + batch).flat();
      await evaluate(PUBLISH, [part.length / 2, 0, ...part]);
    }
  });
}

let number = 0;
async function bareDrain(batch: number): Promise<void> {
  await measure(`bare turn script, ${batch} at a time`, async () => {
    let claims: string[] = [];
    for (let done = 0; done < COUNT; ) {
      number += 1;
      const args = ["bare", number, batch, 0, 0, claims.length, 0, 0, 0, 0, ...claims];
      const answer = (await evaluate(TURN, args)) as [number, number, number, number[], string[], number[]];
      done += claims.length;
      claims = answer[4].filter((_, index) => index % 2 === 0);
    }
  });
}

async function publish(what: string, action: (messages: OutgoingMessage[]) => Promise<unknown>): Promise<void> {
  const messages = Array.from({ length: COUNT }, () => message("bench"));
  await measure(`publish ${what}`, async () => void (await action(messages)));
}

async function drain(credit: number): Promise<void> {
  let left = COUNT;
  await measure(`drain, credit ${credit}`, async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const consumption = await broker.consume({ queue: "bench", credit }, (batch: readonly Delivery[]) => {
      for (const delivery of batch) {
        void delivery.ack();
        left -= 1;
      }
      if (left === 0) resolve();
    });
    await promise;
    await consumption.stop();
  });
  while ((await broker.depth("bench")).owned !== 0);
}

for (let round = 0; round < ROUNDS; round += 1) {
  for (const batch of [100, 1_000]) {
    await barePublish(batch);
    await bareDrain(batch);
  }
  await publish("in one call", (messages) => broker.publish(messages));
  await drain(100);
  await publish("1,000 at a time", async (messages) => {
    for (let at = 0; at < COUNT; at += 1_000) await broker.publish(messages.slice(at, at + 1_000));
  });
  await drain(1_000);
  await publish("concurrently, one each", (messages) => Promise.all(messages.map((each) => broker.publish([each]))));
  await drain(10);
}
await client.del(allKeys(keys));
client.disconnect();

const names = [...new Set(rows.map(({ what }) => what))];
const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
for (const name of names) {
  const own = rows.filter(({ what }) => what === name);
  const perSecond = Math.round(median(own.map((row) => row.perSecond))).toLocaleString("en");
  console.log(
    `${name.padEnd(40)} ${perSecond.padStart(10)}/s  ${median(own.map((row) => row.cpuUs)).toFixed(1)} µs of CPU each`,
  );
}
