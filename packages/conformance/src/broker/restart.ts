import assert from "node:assert/strict";
import { inGroup } from "../scenario.ts";
import type { BrokerScenario } from "./context.ts";
import { Growth } from "./growth.ts";
import { ack } from "./inbox.ts";
import { recovery } from "./outage.ts";

const HOUR_MS = 3_600_000;
const RESTARTS = 20;

export const restart: readonly BrokerScenario[] = inGroup("restart", [
  {
    id: "accepted-survives",
    invariants: ["I-3", "I-31"],
    promise: "Ready, delayed and dead messages survive a hard restart of the server right after they were accepted.",
    needs: ["restart"],
    requires: ({ durable }) => durable !== "none",
    timeoutMs: 90_000,
    async run(c) {
      const queue = await c.queue();
      await (await c.own(queue)).deadLetter({ code: "failed" });
      const ready = await c.publish(c.messages(queue, 50));
      await c.publish(c.messages(queue, 5, { dueAt: Date.now() + HOUR_MS }));
      await c.harness.faults?.restart?.();
      const broker = await c.connect();
      const inbox = await c.consume(queue, { broker, credit: 10, onDelivery: ack });
      await inbox.has(50);
      assert.deepEqual([...inbox.ids].sort(), [...ready].sort());
      await c.depth(queue, { ready: 0, owned: 0, delayed: 5, dead: 1 });
    },
  },
  {
    id: "consuming-resumes",
    invariants: ["I-50", "I-21"],
    promise:
      "Consumers that were there before a restart go on by themselves within a second, twenty times in a row; what was owned is not lost, and nothing accumulates.",
    needs: ["restart"],
    requires: ({ durable }) => durable !== "none",
    timeoutMs: 600_000,
    async run(c) {
      const queue = await c.queue();
      const publisher = await c.connect();
      const held = await c.own(queue);
      const inbox = await c.consume(queue, { broker: await c.connect(), credit: 3, onDelivery: ack });
      const growth = new Growth(c);
      for (let time = 1; time <= RESTARTS; time += 1) {
        await c.harness.faults?.restart?.();
        const message = c.message(queue);
        await c.publishUntilAccepted(message, publisher);
        await c.until("it to be delivered", () => inbox.ids.includes(message.id), recovery(c));
        if (time !== 2) continue;
        // The main connection, of which nothing else is asked, is back as well.
        await c.depth(queue, {});
        await growth.mark();
      }
      await c.until("what was owned to come back", () => inbox.ids.includes(held.message.id));
      await growth.none(RESTARTS - 2);
    },
  },
  {
    id: "machine-survives-a-power-cut",
    invariants: ["I-3"],
    promise: "Where `durable` is `machine`, what was accepted and acked is so after the server's power was cut.",
    needs: ["power-cut"],
    requires: ({ durable }) => durable === "machine",
    timeoutMs: 90_000,
    async run(c) {
      const queue = await c.queue();
      const done = await c.own(queue);
      assert.equal(await done.ack(), "done");
      const ids = await c.publish(c.messages(queue, 20));
      await c.harness.faults?.powerCut?.();
      const inbox = await c.consume(queue, { broker: await c.connect(), credit: 5, onDelivery: ack });
      await inbox.has(20);
      assert.deepEqual([...inbox.ids].sort(), [...ids].sort());
    },
  },
  {
    id: "process-survives-a-kill",
    invariants: ["I-3"],
    promise: "Where `durable` is `process`, what was accepted and acked is so after the server was killed.",
    needs: ["restart"],
    requires: ({ durable }) => durable === "process",
    timeoutMs: 90_000,
    async run(c) {
      const queue = await c.queue();
      const done = await c.own(queue);
      assert.equal(await done.ack(), "done");
      const ids = await c.publish(c.messages(queue, 20));
      await c.harness.faults?.restart?.();
      const inbox = await c.consume(queue, { broker: await c.connect(), credit: 5, onDelivery: ack });
      await inbox.has(20);
      assert.deepEqual([...inbox.ids].sort(), [...ids].sort());
    },
  },
  {
    id: "none-begins-empty",
    invariants: ["I-3", "I-46"],
    promise:
      "Where nothing outlives the process, a broker that comes back says so: no queue or number of before is pretended, and it works.",
    needs: ["restart"],
    requires: ({ durable }) => durable === "none",
    async run(c) {
      const queue = await c.queue();
      await c.publish(c.messages(queue, 3));
      await c.harness.faults?.restart?.();
      const broker = await c.connect();
      await broker.ensureQueue({ name: queue, leaseMs: c.leaseMs });
      if (c.capabilities.depth.ready) assert.equal((await broker.depth(queue)).ready, 0);
      const message = c.message(queue);
      await c.publish([message], broker);
      const inbox = await c.consume(queue, { broker, credit: 5, onDelivery: ack });
      await inbox.has(1);
      assert.deepEqual(inbox.ids, [message.id]);
    },
  },
]);
