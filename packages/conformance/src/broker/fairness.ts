import assert from "node:assert/strict";
import { inGroup } from "../scenario.ts";
import type { BrokerScenario } from "./context.ts";
import { ack } from "./inbox.ts";

export const fairness: readonly BrokerScenario[] = inGroup("fairness", [
  {
    id: "equal-consumers-share-equally",
    invariants: ["I-25"],
    promise: "Two consumers of equal credit and equal work each get 40 to 60 percent of the messages.",
    async run(c) {
      const queue = await c.queue();
      const total = 400;
      const work = (delivery: Parameters<typeof ack>[0]): void => {
        setTimeout(() => ack(delivery), 3);
      };
      const first = await c.consume(queue, { broker: await c.connect(), credit: 4, onDelivery: work });
      const second = await c.consume(queue, { broker: await c.connect(), credit: 4, onDelivery: work });
      await c.publish(c.messages(queue, total));
      const seen = (): number => first.deliveries.length + second.deliveries.length;
      await c.until("all to be delivered", () => seen() >= total);
      await c.depth(queue, { ready: 0, owned: 0 });
      assert.equal(seen(), total);
      const share = first.deliveries.length / total;
      assert.ok(share >= 0.4 && share <= 0.6, `the first got ${Math.round(share * 100)} %`);
    },
  },
  {
    id: "slow-consumer-holds-only-its-credit",
    invariants: ["I-12", "I-25"],
    promise: "A consumer that settles nothing holds no more than its credit; all else goes to the others.",
    async run(c) {
      const queue = await c.queue();
      const total = 100;
      const slow = await c.consume(queue, { broker: await c.connect(), credit: 3 });
      const keeping = setInterval(() => slow.deliveries.map((delivery) => delivery.renew()), c.leaseMs / 4);
      c.cleanup(() => clearInterval(keeping));
      await c.publish(c.messages(queue, 3));
      await slow.has(3);
      const quick = await c.consume(queue, { credit: 3, onDelivery: ack });
      await c.publish(c.messages(queue, total));
      await quick.has(total);
      await c.depth(queue, { ready: 0, owned: 3 });
      assert.equal(slow.deliveries.length, 3);
      assert.equal(quick.deliveries.length, total);
    },
  },
]);
