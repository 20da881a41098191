import assert from "node:assert/strict";
import type { Delivery } from "@lovage/core/contracts";
import { inGroup } from "../scenario.ts";
import type { BrokerContext, BrokerScenario } from "./context.ts";
import { ack } from "./inbox.ts";

const SHUFFLED = [5, 0, 9, 3, 7, 1, 8, 2, 6, 4] as const;

/** Of two messages the first is owned, a higher one is published, and the first given back: in which `order` all three come then. */
async function givenBackBesideUrgent(
  c: BrokerContext,
): Promise<Record<"owned" | "waiting" | "urgent", string> & { order: string[] }> {
  const queue = await c.queue();
  const [owned, waiting] = (await c.publish(c.messages(queue, 2, { priority: 3 }))) as [string, string];
  const inbox = await c.consume(queue);
  const first = await inbox.next();
  assert.equal(first.message.id, owned);
  const { id: urgent } = await c.publishOne(queue, { priority: 9 });
  inbox.consumption.setCredit(0);
  await first.release();
  inbox.consumption.setCredit(1);
  const order: string[] = [];
  for (let turn = 0; turn < 3; turn += 1) {
    const delivery = await inbox.next();
    order.push(delivery.message.id);
    await delivery.ack();
  }
  return { owned, waiting, urgent, order };
}

export const priority: readonly BrokerScenario[] = inGroup("priority", [
  {
    id: "strict",
    invariants: ["I-28"],
    promise: "A ready message of higher priority always goes first, and within one priority the first in goes first.",
    requires: ({ priority: answer }) => answer === "strict" || answer === "returned-first",
    async run(c) {
      const queue = await c.queue();
      const messages = [...SHUFFLED, ...SHUFFLED].map((value) => c.message(queue, { priority: value }));
      await c.publish(messages);
      const inbox = await c.consume(queue, { credit: 1, onDelivery: ack });
      await inbox.has(messages.length);
      const expected = [...messages].sort((a, b) => b.priority - a.priority).map(({ id }) => id);
      assert.deepEqual(inbox.ids, expected);
    },
  },
  {
    id: "strict-overtakes-what-waits",
    invariants: ["I-28"],
    promise:
      "A message of higher priority that is published later overtakes whatever is not yet owned, released messages included.",
    requires: (capabilities) => capabilities.priority === "strict",
    async run(c) {
      const { owned, waiting, urgent, order } = await givenBackBesideUrgent(c);
      assert.equal(order[0], urgent);
      if (c.capabilities.stablePosition) assert.deepEqual(order.slice(1), [owned, waiting]);
    },
  },
  {
    id: "returned-goes-first",
    invariants: ["I-28"],
    promise:
      "What was given back goes before all others, whatever its priority; of the others a higher one that is published later goes first.",
    requires: (capabilities) => capabilities.priority === "returned-first",
    async run(c) {
      const { owned, waiting, urgent, order } = await givenBackBesideUrgent(c);
      assert.deepEqual(order, [owned, urgent, waiting]);
    },
  },
  {
    id: "banded",
    invariants: ["I-28"],
    promise: "On average the highest priority comes before the lowest, and the lowest still comes.",
    requires: (capabilities) => capabilities.priority === "banded",
    async run(c) {
      const queue = await c.queue();
      const messages = Array.from({ length: 500 }, (_, index) =>
        c.message(queue, { priority: index % 2 === 0 ? 0 : 9 }),
      );
      await c.publish(messages);
      const inbox = await c.consume(queue, { credit: 1, onDelivery: ack });
      await inbox.has(messages.length);
      const given = new Map(messages.map(({ id, priority: value }) => [id, value]));
      const meanPlace = (value: number): number => {
        const places = inbox.ids.flatMap((id, place) => (given.get(id) === value ? [place] : []));
        return places.reduce((sum, place) => sum + place, 0) / places.length;
      };
      assert.ok(meanPlace(9) < meanPlace(0), `9 at ${meanPlace(9)}, 0 at ${meanPlace(0)} on average`);
    },
  },
  {
    id: "banded-overtakes-what-waits",
    invariants: ["I-28"],
    promise:
      "A message of the highest priority that is published while the credit is used up comes before most of the lower ones that wait.",
    requires: (capabilities) => capabilities.priority === "banded",
    async run(c) {
      const queue = await c.queue();
      const waiting = 400;
      const inbox = await c.consume(queue);
      await c.publishOne(queue, { priority: 0 });
      const held = await inbox.next();
      await c.publish(c.messages(queue, waiting, { priority: 0 }));
      const urgent = await c.publishOne(queue, { priority: 9 });
      ack(held);
      let place = 0;
      for (let delivery = await inbox.next(); delivery.message.id !== urgent.id; delivery = await inbox.next()) {
        place += 1;
        ack(delivery);
      }
      assert.ok(place < waiting / 2, `${place} of ${waiting} lower ones came before it`);
    },
  },
  {
    id: "banded-all-get-on",
    invariants: ["I-28"],
    promise: "Each priority gets on while there is always one of the highest and one of the lowest.",
    requires: (capabilities) => capabilities.priority === "banded",
    async run(c) {
      const queue = await c.queue();
      const awaited = new Set(await c.publish([0, 3, 5].map((value) => c.message(queue, { priority: value }))));
      await c.publish([0, 9].flatMap((value) => c.messages(queue, 20, { priority: value })));
      const inbox = await c.consume(queue);
      const until = performance.now() + 2 * c.tolerance.patienceMs;
      while (awaited.size > 0) {
        assert.ok(
          performance.now() < until,
          `after ${inbox.deliveries.length} deliveries ${awaited.size} of 3 have not come`,
        );
        const delivery = await inbox.next();
        const { id, priority: value } = delivery.message;
        if (!awaited.delete(id)) await c.publishOne(queue, { priority: value });
        ack(delivery);
      }
    },
  },
  {
    id: "any-may-use-the-whole-credit",
    invariants: ["I-28", "I-12"],
    promise: "Messages of one priority, whichever, are given all of the credit: none of it is kept for others.",
    async run(c) {
      for (const value of [0, 9]) {
        const queue = await c.queue({ leaseMs: 30_000 });
        await c.publish(c.messages(queue, 6, { priority: value }));
        const inbox = await c.consume(queue, { credit: 4 });
        await inbox.has(4);
        await c.quiet("delivered beyond the credit", () => inbox.deliveries.length > 4);
        assert.equal(inbox.consumption.unsettled, 4);
      }
    },
  },
  {
    id: "any-comes-to-who-waits",
    invariants: ["I-28"],
    promise:
      "Who waits with a credit of 1 is given the next message of whatever priority, published or given back by somebody else.",
    async run(c) {
      const queue = await c.queue({ leaseMs: 30_000 });
      const held = new Map<number, Delivery>();
      for (const value of SHUFFLED) {
        const holder = await c.consume(queue);
        await c.publishOne(queue, { priority: value });
        held.set(value, await holder.next());
        await holder.consumption.stop();
      }
      const inbox = await c.consume(queue, { broker: await c.connect() });
      for (const value of SHUFFLED) {
        await c.publishOne(queue, { priority: value });
        const published = await inbox.next();
        assert.equal(published.message.priority, value);
        await published.ack();
        await held.get(value)?.release();
        const released = await inbox.next();
        assert.equal(released.message.priority, value);
        await released.ack();
      }
    },
  },
  {
    id: "none",
    invariants: ["I-28", "I-27"],
    promise: "Where priority is ignored, messages come first in first out whatever theirs is.",
    requires: (capabilities) => capabilities.priority === "none",
    async run(c) {
      const queue = await c.queue();
      const ids = await c.publish(SHUFFLED.map((value) => c.message(queue, { priority: value })));
      const inbox = await c.consume(queue, { credit: 1, onDelivery: ack });
      await inbox.has(ids.length);
      assert.deepEqual(inbox.ids, ids);
    },
  },
]);
