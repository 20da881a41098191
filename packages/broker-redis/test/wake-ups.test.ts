import { setTimeout as elapse } from "node:timers/promises";
import { eventually } from "@lovage/core/testing";
import { startRedis } from "@lovage/services";
import { afterAll, expect, it } from "vitest";
import { redisBroker } from "../src/index.ts";
import { messages, type Taken, take } from "./messages.ts";
import { serverClient } from "./server-client.ts";

const server = await startRedis();
const client = serverClient(server.port);
afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

async function clients(name: RegExp): Promise<readonly string[]> {
  return String(await client.client("LIST"))
    .split("\n")
    .filter((line) => name.test(line));
}

async function commands(): Promise<number> {
  return Number(/total_commands_processed:(\d+)/.exec(await client.info("stats"))?.[1]);
}

const blocked = (): Promise<readonly string[]> => clients(/cmd=bzpopmin/);

it("waits for twenty queues on one connection, and asks next to nothing while nothing happens", async () => {
  await using broker = redisBroker(server.url);
  await using producer = redisBroker(server.url);
  await Promise.all([broker.connect(), producer.connect()]);
  const queues = Array.from({ length: 20 }, (_, index) => `wake.${index}`);
  const taken: Taken[] = [];
  for (const name of queues) {
    await broker.ensureQueue({ name });
    taken.push(await take(broker, name, 1));
  }
  await eventually("all to wait", async () => (await blocked()).length === 1);
  const before = await commands();
  const watchedMs = 2_000;
  await elapse(watchedMs);
  // Each queue is looked at three times in a lease of 10 s, in case that a sign was lost; our own two questions are counted, too.
  expect(((await commands()) - before) / queues.length).toBeLessThan(2);
  for (const [index, queue] of queues.entries()) {
    const askedAt = performance.now();
    await producer.publish(messages(queue, 1));
    await taken[index]?.has(1);
    expect(performance.now() - askedAt).toBeLessThan(1_000);
  }
  expect(await blocked()).toHaveLength(1);
});

it("a sign that its taker cannot use any more reaches another worker", async () => {
  await using full = redisBroker(server.url);
  await using free = redisBroker(server.url);
  await Promise.all([full.connect(), free.connect()]);
  await full.ensureQueue({ name: "sign", leaseMs: 60_000 });
  const consumption = await full.consume({ queue: "sign", credit: 1 }, () => {});
  await eventually("one to wait", async () => (await blocked()).length === 1);
  consumption.setCredit(0);
  const taken = await take(free, "sign", 5);
  await eventually("both to wait", async () => (await blocked()).length === 2);
  const askedAt = performance.now();
  await free.publish(messages("sign", 3));
  await taken.has(3);
  expect(performance.now() - askedAt).toBeLessThan(1_000);
});

it("a sign that is lost, with its taker or on the way, delays work by a third of a lease at most", async () => {
  await using broker = redisBroker(server.url);
  await using producer = redisBroker(server.url);
  await Promise.all([broker.connect(), producer.connect()]);
  await broker.ensureQueue({ name: "deaf", leaseMs: 3_000 });
  const taken = await take(broker, "deaf", 10);
  await eventually("it to wait", async () => (await blocked()).length === 1);
  // As if resuming had given its sign to somebody who died of it.
  await broker.pause("deaf");
  await producer.publish(messages("deaf", 1));
  await client.hdel("lovage:{deaf}:queue", "paused");
  const askedAt = performance.now();
  await taken.has(1);
  expect(performance.now() - askedAt).toBeLessThan(3_000 / 3 + 500);
});

it("a blocked connection that is cut is made anew, and signs come through it", async () => {
  await using broker = redisBroker(server.url);
  await using producer = redisBroker(server.url);
  await Promise.all([broker.connect(), producer.connect()]);
  await broker.ensureQueue({ name: "cut", leaseMs: 60_000 });
  const taken = await take(broker, "cut", 10);
  for (let round = 1; round <= 3; round += 1) {
    await eventually("it to wait", async () => (await blocked()).length === 1);
    const [asleep = ""] = await blocked();
    await client.call("client", "kill", "id", /id=(\d+)/.exec(asleep)?.[1] ?? "");
    await eventually("it to wait again", async () => {
      const [now] = await blocked();
      return now !== undefined && !now.startsWith(asleep.split(" ")[0] ?? "?");
    });
    const askedAt = performance.now();
    await producer.publish(messages("cut", 1));
    await taken.has(round);
    expect(performance.now() - askedAt).toBeLessThan(1_000);
  }
});
