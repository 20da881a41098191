import { randomUUID } from "node:crypto";
import type { Broker, Delivery, OutgoingMessage } from "@lovage/core/contracts";
import { eventLog, eventually } from "@lovage/core/testing";
import { startRabbitMq } from "@lovage/services";
import { connect } from "amqplib";
import { afterAll, expect, test } from "vitest";
import { rabbitMqBroker } from "../src/index.ts";
import { contentsOf } from "./contents.ts";

const server = await startRabbitMq();
afterAll(() => server[Symbol.asyncDispose]());

const PRIORITIES = [5, 0, 9, 3, 7, 1, 8, 2, 6, 4];

async function connected(bands: number): Promise<Broker> {
  const broker = rabbitMqBroker({ url: server.url, bands });
  await broker.connect();
  return broker;
}

function one(queue: string, priority: number, dueAt?: number): OutgoingMessage {
  const message = { id: randomUUID(), queue, headers: { task: "t" }, body: "[[]]", priority };
  return dueAt === undefined ? message : { ...message, dueAt };
}

/** A message of each priority. */
async function publishAll(broker: Broker, queue: string, dueAt?: number): Promise<readonly string[]> {
  const messages = PRIORITIES.map((priority) => one(queue, priority, dueAt));
  const outcomes = await broker.publish(messages);
  expect(outcomes.every(({ status }) => status === "accepted")).toBe(true);
  return messages.map(({ id }) => id);
}

async function taken(
  broker: Broker,
  queue: string,
  count: number,
  settle: (delivery: Delivery) => Promise<unknown>,
): Promise<readonly string[]> {
  const ids: string[] = [];
  await using _ = await broker.consume({ queue, credit: 4 }, (batch) => {
    for (const delivery of batch) void settle(delivery).then(() => ids.push(delivery.message.id));
  });
  await eventually(`${count} to be settled`, () => ids.length >= count);
  return ids.sort();
}

const ack = (delivery: Delivery): Promise<unknown> => delivery.ack();

const readyQueuesOf = async (name: string): Promise<readonly string[]> =>
  (await contentsOf(server)).filter((line) => line.startsWith(`lovage:queue:${name}`)).sort();

test("depth, purge, dead letters, redrive, delay and destroy are those of all bands", async () => {
  await using broker = await connected(3);
  await broker.ensureQueue({ name: "whole" });
  expect(await readyQueuesOf("whole")).toEqual([
    "lovage:queue:whole",
    "lovage:queue:whole:+1",
    "lovage:queue:whole:-1",
  ]);
  await publishAll(broker, "whole");
  expect(await broker.depth("whole")).toMatchObject({ ready: 10 });
  expect(await broker.purge("whole")).toBe(10);
  expect(await broker.depth("whole")).toMatchObject({ ready: 0 });

  const ids = [...(await publishAll(broker, "whole"))].sort();
  expect(await taken(broker, "whole", 10, (delivery) => delivery.deadLetter({ code: "failed" }))).toEqual(ids);
  expect(await broker.depth("whole")).toMatchObject({ ready: 0, dead: 10 });
  expect(await broker.redrive("whole", "all")).toBe(10);
  const again = await taken(broker, "whole", 10, (delivery) => delivery.requeue({ delayMs: 100 }));
  expect(again).toEqual(ids);
  expect(await taken(broker, "whole", 10, ack)).toEqual(ids);

  const delayed = await publishAll(broker, "whole", Date.now() + 200);
  expect(await taken(broker, "whole", 10, ack)).toEqual([...delayed].sort());

  await publishAll(broker, "whole");
  expect(await broker.destroyQueue("whole")).toMatchObject({ ready: 10 });
  expect(await readyQueuesOf("whole")).toEqual([]);
});

test("a queue that gets more bands keeps what waits and what is delayed, and who consumes it goes on with all of them", async () => {
  await using plain = await connected(1);
  await plain.ensureQueue({ name: "grows" });
  const expected = [...(await publishAll(plain, "grows")), ...(await publishAll(plain, "grows", Date.now() + 2_500))];
  const seen: string[] = [];
  await using consumption = await plain.consume({ queue: "grows", credit: 1 }, (batch) => {
    for (const delivery of batch) void delivery.ack().then(() => seen.push(delivery.message.id));
  });
  await eventually("what waited", () => seen.length === 10);
  await using banded = await connected(3);
  await banded.ensureQueue({ name: "grows" });
  expected.push(...(await publishAll(banded, "grows")), ...(await publishAll(plain, "grows")));
  await using more = await connected(5);
  await more.ensureQueue({ name: "grows" });
  expected.push(...(await publishAll(more, "grows")), ...(await publishAll(banded, "grows")));
  await eventually("all of them", () => seen.length >= 60);
  expect([...seen].sort()).toEqual([...expected].sort());
  await consumption.stop();
});

test("who asks for one band again finds what is in the others, and a queue made anew has one", async () => {
  const queue = "shrinks";
  {
    await using banded = await connected(3);
    await banded.ensureQueue({ name: queue });
    await publishAll(banded, queue);
  }
  await using plain = await connected(1);
  await plain.ensureQueue({ name: queue, maxDead: 7 });
  expect(await plain.depth(queue)).toMatchObject({ ready: 10 });
  await publishAll(plain, queue);
  await taken(plain, queue, 20, ack);
  await plain.destroyQueue(queue);
  await plain.ensureQueue({ name: queue });
  expect(await readyQueuesOf(queue)).toEqual([`lovage:queue:${queue}`]);
});

test("a band that somebody deletes is made again, and the others lose nothing", async () => {
  await using broker = await connected(3);
  const events = eventLog(broker);
  await broker.ensureQueue({ name: "holed" });
  const ids = await publishAll(broker, "holed");
  const seen = new Set<string>();
  await using consumption = await broker.consume({ queue: "holed", credit: 0 }, (batch) => {
    for (const delivery of batch) void delivery.ack().then(() => seen.add(delivery.message.id));
  });
  const connection = await connect(server.url);
  await (await connection.createChannel()).deleteQueue("lovage:queue:holed:-1");
  await connection.close();
  consumption.setCredit(2);
  await events.next("consumption-restarted", ({ queue }) => queue === "holed");
  const kept = ids.filter((_, index) => (PRIORITIES[index] as number) > 2);
  await eventually("those of the other bands", () => kept.every((id) => seen.has(id)));
  const low = one("holed", 0);
  await broker.publish([low]);
  await eventually("the next of that band", () => seen.has(low.id));
});

test("while others hold all there is, a message of each band comes back to who waits, with a credit of 1", async () => {
  await using broker = await connected(10);
  await broker.ensureQueue({ name: "waits" });
  const ids = await publishAll(broker, "waits");
  const held: Delivery[] = [];
  const holder = await connected(1);
  await holder.consume({ queue: "waits", credit: 10 }, (batch) => held.push(...batch));
  await eventually("all to be held", () => held.length === 10);
  let most = 0;
  let now = 0;
  const seen: string[] = [];
  await using _ = await broker.consume({ queue: "waits", credit: 1 }, (batch) => {
    for (const delivery of batch) {
      now += 1;
      most = Math.max(most, now);
      setImmediate(() => {
        now -= 1;
        void delivery.ack().then(() => seen.push(delivery.message.id));
      });
    }
  });
  await holder.close();
  await eventually("all to come back", () => seen.length >= 10);
  expect([...seen].sort()).toEqual([...ids].sort());
  expect(most).toBe(1);
});
