import assert from "node:assert/strict";
import { inGroup } from "../scenario.ts";
import type { BrokerScenario } from "./context.ts";
import { ack } from "./inbox.ts";

export const order: readonly BrokerScenario[] = inGroup("order", [
  {
    id: "first-in-first-out",
    invariants: ["I-27", "I-7"],
    promise:
      "One publisher, one priority, one consumer with a credit of 1: messages come in the order they were published.",
    async run(c) {
      const queue = await c.queue();
      const ids: string[] = [];
      for (const size of [1, 1, 50, 3, 1, 44]) ids.push(...(await c.publish(c.messages(queue, size))));
      const inbox = await c.consume(queue, { credit: 1, onDelivery: ack });
      await inbox.has(ids.length);
      assert.deepEqual(inbox.ids, ids);
    },
  },
  {
    id: "batches-keep-order",
    invariants: ["I-27"],
    promise: "With more credit, deliveries arrive in order too.",
    async run(c) {
      const queue = await c.queue();
      const ids = await c.publish(c.messages(queue, 60));
      const inbox = await c.consume(queue, { credit: 16, onDelivery: ack });
      await inbox.has(ids.length);
      assert.deepEqual(inbox.ids, ids);
    },
  },
  {
    id: "release-keeps-its-place",
    invariants: ["I-22"],
    promise: "Released messages return to their old places, in whatever order they are released.",
    requires: ({ stablePosition }) => stablePosition,
    async run(c) {
      const queue = await c.queue();
      const ids = await c.publish(c.messages(queue, 8));
      const holder = await c.consume(queue, { credit: 5 });
      const held = await holder.take(5);
      await holder.consumption.stop();
      for (const place of [3, 0, 4, 2, 1]) assert.equal(await held[place]?.release(), "done");
      const inbox = await c.consume(queue, { credit: 1, onDelivery: ack });
      await inbox.has(8);
      assert.deepEqual(inbox.ids, ids);
    },
  },
  {
    id: "requeue-gives-a-place-to-keep",
    invariants: ["I-22", "I-34"],
    promise:
      "A requeued message has a place too: released together with others, it returns to where it was among them.",
    requires: ({ stablePosition }) => stablePosition,
    async run(c) {
      const queue = await c.queue();
      await c.publish(c.messages(queue, 4));
      const first = await c.consume(queue);
      const early = await first.next();
      await first.consumption.stop();
      await early.requeue();
      const holder = await c.consume(queue, { credit: 4 });
      const held = await holder.take(4);
      await holder.consumption.stop();
      for (const place of [2, 0, 3, 1]) assert.equal(await held[place]?.release(), "done");
      const inbox = await c.consume(queue, { credit: 1, onDelivery: ack });
      await inbox.has(4);
      assert.deepEqual(inbox.ids, holder.ids);
    },
  },
  {
    id: "release-may-lose-its-place",
    invariants: ["I-22"],
    promise: "Where places are not stable, released messages are still delivered, each once more.",
    requires: ({ stablePosition }) => !stablePosition,
    async run(c) {
      const queue = await c.queue();
      const ids = await c.publish(c.messages(queue, 8));
      const holder = await c.consume(queue, { credit: 5 });
      const held = await holder.take(5);
      await holder.consumption.stop();
      for (const delivery of held) assert.equal(await delivery.release(), "done");
      const inbox = await c.consume(queue, { credit: 1, onDelivery: ack });
      await inbox.has(8);
      assert.deepEqual([...inbox.ids].sort(), [...ids].sort());
    },
  },
]);
