import assert from "node:assert/strict";
import { inGroup } from "../scenario.ts";
import type { BrokerScenario } from "./context.ts";
import { ack, type Inbox } from "./inbox.ts";

/** For scenarios in which something is held while nothing happens: nobody renews. */
const LONG_MS = 30_000;

export const credit: readonly BrokerScenario[] = inGroup(
  "credit",
  [
    {
      id: "is-never-exceeded",
      together: false,
      invariants: ["I-12"],
      promise:
        "A consumption never holds more unsettled deliveries than its credit, at any moment, however settlements come.",
      async run(c) {
        const queue = await c.queue();
        const total = 200;
        const limit = 7;
        await c.publish(c.messages(queue, total));
        let most = 0;
        let held = 0;
        const inbox: Inbox = await c.consume(queue, {
          credit: limit,
          onDelivery: (delivery) => {
            held += 1;
            most = Math.max(most, held);
            setImmediate(() => {
              held -= 1;
              ack(delivery);
            });
          },
        });
        await inbox.has(total);
        await c.depth(queue, { ready: 0, owned: 0 });
        assert.ok(most <= limit, `held ${most} with a credit of ${limit}`);
        assert.equal(new Set(inbox.ids).size, total);
        assert.equal(inbox.consumption.unsettled, 0);
      },
    },
    {
      id: "unsettled-is-exact",
      invariants: ["I-12"],
      promise: "The number of unsettled deliveries is exact, and a settlement that was asked no longer counts.",
      async run(c) {
        const queue = await c.queue({ leaseMs: LONG_MS });
        await c.publish(c.messages(queue, 6));
        const inbox = await c.consume(queue, { credit: 4 });
        const held = await inbox.take(4);
        assert.equal(inbox.consumption.unsettled, 4);
        inbox.consumption.setCredit(0);
        const settlements = [
          held[0]?.ack(),
          held[1]?.release(),
          held[2]?.requeue(),
          held[3]?.deadLetter({ code: "failed" }),
        ];
        await Promise.all(settlements);
        assert.equal(inbox.consumption.unsettled, 0);
      },
    },
    {
      id: "zero-delivers-nothing",
      invariants: ["I-12", "I-13"],
      promise: "With a credit of 0 nothing arrives; raising it delivers that many and no more.",
      async run(c) {
        const queue = await c.queue({ leaseMs: LONG_MS });
        await c.publish(c.messages(queue, 10));
        const inbox = await c.consume(queue, { credit: 0 });
        await c.quiet("delivered without credit", () => inbox.deliveries.length > 0);
        inbox.consumption.setCredit(3);
        await inbox.has(3, 1_000 + c.tolerance.slackMs);
        await c.quiet("delivered beyond the credit", () => inbox.deliveries.length > 3);
        assert.equal(inbox.consumption.unsettled, 3);
        await c.depth(queue, { owned: 3, ready: 7 });
      },
    },
    {
      id: "goes-on-after-being-full",
      together: false,
      invariants: ["I-12", "I-24"],
      promise:
        "A consumption that was full for a while, with more arriving meanwhile, takes more as soon as one is settled.",
      async run(c) {
        const queue = await c.queue();
        await c.publish(c.messages(queue, 1));
        const inbox = await c.consume(queue, { credit: 1 });
        await inbox.has(1);
        // Long enough for whatever an adapter does about a consumption that is full: look after its queue, its leases, its connection.
        for (let round = 0; round < 4; round += 1) {
          await c.publish(c.messages(queue, 1));
          await c.elapse(300);
          assert.equal(await inbox.deliveries[0]?.renew(), "done");
        }
        for (let settled = 0; settled < 4; settled += 1) {
          assert.equal(await inbox.deliveries[settled]?.ack(), "done");
          await inbox.has(settled + 2, 1_000 + c.tolerance.slackMs);
        }
      },
    },
    {
      id: "changes-within-a-second",
      invariants: ["I-13"],
      promise:
        "Raising credit is effective within a second; lowering it only stops new deliveries until enough are settled.",
      async run(c) {
        const queue = await c.queue({ leaseMs: LONG_MS });
        await c.publish(c.messages(queue, 20));
        const inbox = await c.consume(queue, { credit: 2 });
        await inbox.has(2);
        inbox.consumption.setCredit(6);
        await inbox.has(6, 1_000 + c.tolerance.slackMs);
        inbox.consumption.setCredit(1);
        await c.elapse(c.tolerance.quietMs);
        assert.equal(inbox.deliveries.length, 6, "lowering delivers nothing");
        assert.ok(
          inbox.deliveries.every(({ lost }) => !lost.aborted),
          "and takes nothing away",
        );
        for (const delivery of inbox.deliveries.slice(0, 5)) assert.equal(await delivery.ack(), "done");
        await c.quiet("still one unsettled, which is all the credit", () => inbox.deliveries.length > 6);
        assert.equal(await inbox.deliveries[5]?.ack(), "done");
        await inbox.has(7);
        await c.quiet("more than one at a time", () => inbox.deliveries.length > 7);
      },
    },
    {
      id: "is-freed-by-every-settlement",
      invariants: ["I-12", "I-24"],
      promise: "Ack, requeue, release and dead-letter each free the credit for the next message.",
      async run(c) {
        const queue = await c.queue();
        const ids = await c.publish(c.messages(queue, 5));
        const inbox = await c.consume(queue, { credit: 1 });
        assert.equal(await (await inbox.next()).ack(), "done");
        assert.equal(await (await inbox.next()).deadLetter({ code: "failed" }), "done");
        assert.equal(await (await inbox.next()).requeue({ delayMs: 3_600_000 }), "done");
        const released = await inbox.next();
        assert.equal(await released.release(), "done");
        const seen = new Set<string>();
        for (let left = 0; left < 2; left += 1) {
          const delivery = await inbox.next();
          seen.add(delivery.message.id);
          assert.equal(await delivery.ack(), "done");
        }
        assert.deepEqual([...seen].sort(), [...ids.slice(3)].sort());
      },
    },
    {
      id: "consumptions-are-independent",
      invariants: ["I-12"],
      promise:
        "Two consumptions of one queue on one connection have credits of their own; stopping one leaves the other.",
      async run(c) {
        const queue = await c.queue({ leaseMs: LONG_MS });
        await c.publish(c.messages(queue, 12));
        const first = await c.consume(queue, { credit: 2 });
        const second = await c.consume(queue, { credit: 3 });
        await first.has(2);
        await second.has(3);
        await c.quiet("beyond its own credit", () => first.deliveries.length > 2 || second.deliveries.length > 3);
        await first.consumption.stop();
        for (const delivery of first.deliveries) await delivery.ack();
        for (const delivery of second.deliveries.slice(0, 3)) await delivery.ack();
        await second.has(6);
        assert.equal(first.deliveries.length, 2);
      },
    },
    {
      id: "wakes-an-idle-consumption",
      invariants: ["I-24"],
      promise:
        "A consumption that waits with free credit receives a message soon after it is published by another connection.",
      async run(c) {
        const queue = await c.queue();
        const inbox = await c.consume(queue, { credit: 1, onDelivery: ack });
        const publisher = await c.connect();
        for (let round = 1; round <= 5; round += 1) {
          await c.depth(queue, { ready: 0, owned: 0 });
          await c.publish([c.message(queue)], publisher);
          await inbox.has(round, 1_000 + c.tolerance.slackMs);
        }
      },
    },
  ],
  { together: true },
);
