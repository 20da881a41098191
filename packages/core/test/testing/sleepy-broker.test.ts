import { afterEach, beforeEach, expect, test } from "vitest";
import type { Delivery, OutgoingMessage } from "../../src/contracts/index.ts";
import { memoryBroker, memoryServer } from "../../src/memory/index.ts";
import { eventLog, eventually, type SleepyBroker, sleepyBroker } from "../../src/testing/index.ts";

const message = (id: string): OutgoingMessage => ({
  id,
  queue: "q",
  headers: { task: "t" },
  body: "[[]]",
  priority: 5,
});

let broker: SleepyBroker;
const server = memoryServer();
const observer = memoryBroker({ server });

beforeEach(async () => {
  broker = sleepyBroker(memoryBroker({ server }), { operationTimeoutMs: 50 });
  await broker.connect();
  await observer.connect();
  await broker.ensureQueue({ name: "q" });
});
afterEach(async () => {
  await broker.close();
  await observer.destroyQueue("q");
});

async function own(...ids: string[]): Promise<readonly Delivery[]> {
  const held: Delivery[] = [];
  const consumption = await broker.consume({ queue: "q", credit: 10 }, (batch) => held.push(...batch));
  await broker.publish(ids.map(message));
  await eventually("the messages", () => held.length === ids.length);
  await consumption.stop();
  return held;
}

test("a hanging broker lets nothing through: a publish becomes unknown and is not sent later", async () => {
  broker.hang();
  expect(await broker.publish([message("a")])).toMatchObject([{ id: "a", status: "unknown" }]);
  await expect(broker.depth("q")).rejects.toMatchObject({ code: "BROKER_UNAVAILABLE", retryable: true });
  broker.wake();
  expect((await broker.depth("q")).ready).toBe(0);
});

test("a publish that waits is sent on waking", async () => {
  broker.hang();
  const publishing = broker.publish([message("a")]);
  broker.wake();
  expect(await publishing).toEqual([{ id: "a", status: "accepted" }]);
});

test("with its replies dropped a publish is stored and unknown, and publishing again tells a duplicate", async () => {
  broker.dropReplies();
  expect(await broker.publish([message("a")])).toMatchObject([{ status: "unknown" }]);
  expect((await observer.depth("q")).ready).toBe(1);
  broker.wake();
  expect(await broker.publish([message("a")])).toEqual([{ id: "a", status: "duplicate" }]);
});

test("settlements asked in any sleep are answered truly after it", async () => {
  for (const fall of ["hang", "disconnect", "dropReplies"] as const) {
    const held = await own(`${fall}-1`, `${fall}-2`);
    broker[fall]();
    const answers = [held[0]?.ack(), held[1]?.deadLetter({ code: "failed" }), held[0]?.requeue()];
    broker.wake();
    expect(await Promise.all(answers)).toEqual(["done", "done", "done"]);
    expect(await observer.depth("q")).toMatchObject({ ready: 0, owned: 0 });
  }
});

test("deliveries wait out the sleep, and those lost meanwhile are not handed over", async () => {
  await broker.ensureQueue({ name: "q", leaseMs: 1_000 });
  const seen: Delivery[] = [];
  await broker.consume({ queue: "q", credit: 1 }, (batch) => seen.push(...batch));
  broker.hang();
  await observer.publish([message("a")]);
  await eventually("it to be taken", async () => (await observer.depth("q")).owned === 1);
  expect(seen).toHaveLength(0);
  broker.wake();
  expect(seen).toHaveLength(1);
  expect(await seen[0]?.ack()).toBe("done");
});

test("a disconnected broker says so, and that it is back", async () => {
  using log = eventLog(broker);
  broker.disconnect();
  await log.next("disconnected");
  broker.wake();
  await log.next("connected");
  expect(log.events.map(({ type }) => type)).toEqual(["disconnected", "connected"]);
});

test("it can be closed in its sleep, and whoever waits is told", async () => {
  const [delivery] = await own("a");
  broker.hang();
  const acking = delivery?.ack();
  const publishing = broker.publish([message("b")]);
  await broker.close();
  await expect(acking).rejects.toMatchObject({ code: "BROKER_CLOSED" });
  await expect(publishing).rejects.toMatchObject({ code: "BROKER_CLOSED" });
  expect((await observer.depth("q")).ready).toBe(1);
});

test("an event log that waits in vain says what it heard", async () => {
  using log = eventLog(broker);
  broker.disconnect();
  const waiting = log.next("blocked", undefined, { timeoutMs: 10 });
  await expect(waiting).rejects.toThrow('no event "blocked" within 10 ms; heard: disconnected');
});
