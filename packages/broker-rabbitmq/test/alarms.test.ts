import { randomUUID } from "node:crypto";
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

async function connected(): Promise<Broker> {
  const broker = rabbitMqBroker({ url: server.url, operationTimeoutMs: 1_000 });
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
