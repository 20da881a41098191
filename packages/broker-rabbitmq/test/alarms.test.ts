import { randomUUID } from "node:crypto";
import { tcpProxy } from "@lovage/conformance";
import type { Broker, Delivery, OutgoingMessage } from "@lovage/core/contracts";
import { eventLog, eventually } from "@lovage/core/testing";
import { startRabbitMq } from "@lovage/services";
import { afterAll, describe, expect, test } from "vitest";
import { rabbitMqBroker } from "../src/index.ts";

const server = await startRabbitMq();
afterAll(() => server[Symbol.asyncDispose]());

const message = (queue: string): OutgoingMessage => ({
  id: randomUUID(),
  queue,
  headers: { task: "t" },
  body: "[[]]",
  priority: 5,
});

async function connected({ port = server.port, operationTimeoutMs = 1_000 } = {}): Promise<Broker> {
  const broker = rabbitMqBroker({ url: `amqp://127.0.0.1:${port}`, operationTimeoutMs });
  await broker.connect();
  return broker;
}

/** As operators see them: the limits are what is changed, the server notices by itself. */
const ALARMS = {
  memory: [
    "vm_memory_monitor:set_vm_memory_high_watermark(0.00001).",
    "vm_memory_monitor:set_vm_memory_high_watermark(0.9).",
  ],
  disk: [
    "rabbit_disk_monitor:set_disk_free_limit(1000000000000000).",
    "rabbit_disk_monitor:set_disk_free_limit(50000000).",
  ],
} as const;

describe.each(["memory", "disk"] as const)("a %s alarm", (kind) => {
  const [raise, clear] = ALARMS[kind];

  test("ends every publish in time, is said, holds up neither consuming nor settling, and nothing is lost", async () => {
    await using broker = await connected();
    const events = eventLog(broker);
    const queue = `alarm-${kind}`;
    await broker.ensureQueue({ name: queue });
    const ids = Array.from({ length: 20 }, () => message(queue));
    for (const { status } of await broker.publish(ids)) expect(status).toBe("accepted");
    await server.evaluate(raise);
    try {
      await eventually("the alarm", async () => (await server.evaluate("rabbit_alarm:get_alarms().")) !== "[]");
      // The server says so only to those who publish: this one is on its way, and may yet be stored.
      const [first] = await broker.publish([message(queue)]);
      expect(first).toMatchObject({ status: "unknown", error: { code: "PUBLISH_UNKNOWN", retryable: true } });
      expect(await events.next("blocked")).toMatchObject({
        reason: expect.stringContaining(kind === "disk" ? "disk" : "memory"),
      });
      const [second] = await broker.publish([message(queue)]);
      expect(second).toMatchObject({ status: "refused", error: { code: "BROKER_BLOCKED", retryable: true } });
      expect(await broker.diagnose?.()).toContainEqual(expect.objectContaining({ check: "alarms", level: "error" }));

      await using worker = await connected();
      const held: Delivery[] = [];
      const consumption = await worker.consume({ queue, credit: 20 }, (batch) => held.push(...batch));
      await eventually("what was stored to be delivered", () => held.length === 20);
      const answers = await Promise.all(held.slice(1).map((delivery) => delivery.ack()));
      expect(new Set(answers)).toEqual(new Set(["done"]));
      // A copy must be stored before its original goes: that waits for room.
      const requeued = held[0]?.requeue({ headers: { task: "t", attempt: 2 } });
      await server.evaluate(clear);
      expect(await requeued).toBe("done");
      await eventually("the copy", () => held.some(({ message: { headers } }) => headers.attempt === 2));
      await consumption.stop();
    } finally {
      await server.evaluate(clear);
    }
    await events.next("unblocked");
    await eventually(
      "publishing to go on",
      async () => (await broker.publish([message(queue)]))[0]?.status === "accepted",
    );
  });
});

describe("a requeue that an alarm keeps waiting", () => {
  const [raise, clear] = ALARMS.disk;
  const SEVERAL = 100;

  /** Under an alarm that `worker` knows of. */
  async function underAlarm(worker: Broker, queue: string, work: () => Promise<void>): Promise<void> {
    const events = eventLog(worker);
    await server.evaluate(raise);
    try {
      await eventually("the alarm", async () => (await server.evaluate("rabbit_alarm:get_alarms().")) !== "[]");
      void worker.publish([message(queue)]);
      await events.next("blocked");
      await work();
    } finally {
      await server.evaluate(clear);
    }
  }

  test("holds up no ack, however many wait", async () => {
    await using worker = await connected({ operationTimeoutMs: 60_000 });
    const queue = "alarm-many";
    await worker.ensureQueue({ name: queue });
    await worker.publish(Array.from({ length: SEVERAL + 1 }, () => message(queue)));
    const held: Delivery[] = [];
    await worker.consume({ queue, credit: SEVERAL + 1 }, (batch) => held.push(...batch));
    await eventually("all to be held", () => held.length === SEVERAL + 1);
    const last = held.pop() as Delivery;
    await underAlarm(worker, queue, async () => {
      const requeued: Promise<unknown>[] = [];
      for (const delivery of held.splice(0)) {
        requeued.push(delivery.requeue());
        // Each leaves by itself.
        await new Promise(setImmediate);
      }
      let acked: unknown;
      void last.ack().then((settlement) => {
        acked = settlement;
      });
      await eventually("the ack to be answered", () => acked === "done", { timeoutMs: 5_000 });
      await server.evaluate(clear);
      expect(new Set(await Promise.all(requeued))).toEqual(new Set(["done"]));
    });
  });

  test("stores no copy once its original has been given to somebody else", async () => {
    await using proxy = await tcpProxy({ port: server.port });
    await using worker = await connected({ port: proxy.port });
    await using other = await connected();
    const queue = "alarm-cut";
    await worker.ensureQueue({ name: queue });
    await worker.publish([message(queue)]);
    const held: Delivery[] = [];
    const consumption = await worker.consume({ queue, credit: 1 }, (batch) => held.push(...batch));
    await eventually("it to be held", () => held.length === 1);
    const [first] = held as [Delivery];
    const events = eventLog(worker);
    const seen: Delivery[] = [];
    await underAlarm(worker, queue, async () => {
      consumption.setCredit(0);
      const requeued = first.requeue({ headers: { task: "t", attempt: 2 } });
      await other.consume({ queue, credit: 10 }, (batch) => seen.push(...batch));
      proxy.reset();
      await eventually("the original to be delivered elsewhere", () => seen.length === 1);
      expect(await seen[0]?.ack()).toBe("done");
      await events.next("connected");
      await server.evaluate(clear);
      expect(await requeued).toBe("lost");
    });
    const after = message(queue);
    await eventually("publishing to go on", async () => (await worker.publish([after]))[0]?.status === "accepted");
    await eventually("what was published last", () => seen.some((delivery) => delivery.message.id === after.id));
    expect(seen.filter(({ message: { id } }) => id === first.message.id)).toHaveLength(1);
  });
});
