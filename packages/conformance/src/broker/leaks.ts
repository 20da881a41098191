import assert from "node:assert/strict";
import { inGroup } from "../scenario.ts";
import type { BrokerScenario } from "./context.ts";
import { ack } from "./inbox.ts";

export const leaks: readonly BrokerScenario[] = inGroup("leaks", [
  {
    id: "nothing-per-message",
    invariants: ["I-55"],
    promise:
      "Messages that came and went in every way leave nothing: what is on the server does not grow with their number.",
    needs: ["leftovers"],
    async run(c) {
      const queue = await c.queue();
      const broker = await c.broker();
      const left = async (): Promise<number> => ((await c.harness.leftovers?.()) ?? []).length;
      const spend = async (count: number): Promise<void> => {
        await c.publish(c.messages(queue, count));
        const inbox = await c.consume(queue, { credit: count });
        const held = await inbox.take(count);
        await inbox.consumption.stop();
        await Promise.all(held.map((delivery, index) => (index % 3 === 0 ? delivery.requeue() : delivery.ack())));
        const again = await c.consume(queue, { credit: count });
        const back = await again.take(Math.ceil(count / 3));
        await again.consumption.stop();
        await Promise.all(back.map((delivery) => delivery.deadLetter({ code: "failed" })));
        if (c.capabilities.deadLetterBrowse) await broker.dropDead(queue, "all");
        await c.publish(c.messages(queue, count, { dueAt: Date.now() + 3_600_000 }));
        await broker.purge(queue, { delayed: true });
        await c.depth(queue, { ready: 0, owned: 0, delayed: 0 });
      };
      await spend(30);
      const before = await left();
      for (let round = 0; round < 5; round += 1) await spend(90);
      await c.until("nothing to be left of them", async () => (await left()) <= before);
    },
  },
  {
    id: "nothing-after-destroy",
    invariants: ["I-55", "I-48"],
    promise: "After destroyQueue nothing of the queue is on the server, whatever was in it.",
    needs: ["leftovers"],
    async run(c) {
      const before = new Set(await c.harness.leftovers?.());
      const queue = await c.queue();
      const broker = await c.broker();
      await (await c.own(queue)).deadLetter({ code: "failed" });
      await c.publish(c.messages(queue, 20));
      await c.publish(c.messages(queue, 5, { dueAt: Date.now() + 3_600_000 }));
      await c.own(queue);
      await broker.destroyQueue(queue);
      let left: readonly string[] = [];
      const gone = async (): Promise<boolean> => {
        left = ((await c.harness.leftovers?.()) ?? []).filter((name) => !before.has(name));
        return left.length === 0;
      };
      await c.until("nothing to be left", gone).catch(() => assert.fail(`left: ${left.slice(0, 10).join(", ")}`));
    },
  },
  {
    id: "depth-returns-to-zero",
    invariants: ["I-55", "I-2"],
    promise: "After a full drain all numbers are 0.",
    async run(c) {
      const queue = await c.queue();
      const inbox = await c.consume(queue, { credit: 50, onDelivery: ack });
      for (let batch = 0; batch < 10; batch += 1) await c.publish(c.messages(queue, 100));
      await inbox.has(1_000);
      await c.depth(queue, { ready: 0, delayed: 0, owned: 0, dead: 0 });
      assert.equal(new Set(inbox.ids).size, 1_000);
    },
  },
]);
