import assert from "node:assert/strict";
import { inGroup } from "../scenario.ts";
import type { BrokerScenario } from "./context.ts";
import { ack } from "./inbox.ts";

const HOUR_MS = 3_600_000;

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
    promise: "Consumers that were there before a restart go on by themselves, and what was owned is not lost.",
    needs: ["restart"],
    requires: ({ durable }) => durable !== "none",
    timeoutMs: 120_000,
    async run(c) {
      const queue = await c.queue();
      const publisher = await c.connect();
      const held = await c.own(queue);
      const inbox = await c.consume(queue, { broker: await c.connect(), credit: 3, onDelivery: ack });
      for (let time = 0; time < 3; time += 1) {
        await c.harness.faults?.restart?.();
        const message = c.message(queue);
        await c.until("it to be accepted", async () => {
          const [outcome] = await publisher.publish([message]);
          return outcome?.status === "accepted" || outcome?.status === "duplicate";
        });
        await c.until("it to be delivered", () => inbox.ids.includes(message.id));
      }
      await c.until("what was owned to come back", () => inbox.ids.includes(held.message.id));
    },
  },
]);
