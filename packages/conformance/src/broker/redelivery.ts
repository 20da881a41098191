import assert from "node:assert/strict";
import type { Delivery, Settlement } from "@lovage/core/contracts";
import { inGroup } from "../scenario.ts";
import type { BrokerScenario } from "./context.ts";

const STALE: readonly (readonly [string, (delivery: Delivery) => Promise<Settlement>])[] = [
  ["ack", (delivery) => delivery.ack()],
  ["requeue", (delivery) => delivery.requeue({ headers: { task: "stale" } })],
  ["release", (delivery) => delivery.release()],
  ["dead-letter", (delivery) => delivery.deadLetter({ code: "failed" })],
  ["renew", (delivery) => delivery.renew()],
  ["markStarted", (delivery) => delivery.markStarted()],
];

export const redelivery: readonly BrokerScenario[] = inGroup(
  "redelivery",
  [
    {
      id: "lapse-redelivers",
      invariants: ["I-14", "I-21", "I-16"],
      promise:
        "A lease that nobody renews ends at its time, not before and at most a second after, and the message is delivered again.",
      requires: ({ ownership }) => ownership === "lease",
      async run(c) {
        const queue = await c.queue();
        const broker = await c.broker();
        const events = c.events(broker);
        await c.publishOne(queue);
        const takenAfter = performance.now();
        const holder = await c.consume(queue);
        const first = await holder.next();
        const takenBefore = performance.now();
        await holder.consumption.stop();
        const other = await c.consume(queue, { broker: await c.connect() });
        const second = await other.next();
        const redeliveredAt = performance.now();
        assert.equal(second.message.id, first.message.id);
        assert.equal(second.redelivered, true);
        if (c.capabilities.countsDeliveries) assert.equal(second.deliveryCount, 2);
        assert.ok(redeliveredAt - takenAfter >= c.leaseMs - 1, "not before the lease has ended");
        const latest = c.leaseMs + 1_000 + c.tolerance.slackMs;
        assert.ok(redeliveredAt - takenBefore <= latest, `within ${Math.round(latest)} ms`);
        const patience = { timeoutMs: c.tolerance.patienceMs };
        const told = events.next(
          "ownership-lost",
          ({ ids }) => ids.includes(first.message.id) && first.lost.aborted,
          patience,
        );
        assert.equal(await first.renew(), "lost");
        assert.equal((await told).queue, queue, "the holder is told, after its signal was aborted");
        assert.equal(await second.ack(), "done");
      },
    },
    {
      id: "what-was-lost-frees-credit",
      invariants: ["I-12", "I-16", "I-24"],
      promise: "A delivery that is known to be lost no longer counts against the credit.",
      requires: ({ ownership }) => ownership === "lease",
      async run(c) {
        const queue = await c.queue();
        const inbox = await c.consume(queue, { credit: 1 });
        await c.publishOne(queue);
        const lost = await inbox.next();
        const busy = await c.consume(queue, { broker: await c.connect(), credit: 1 });
        // Both may receive it again where the holder notices by itself; then its credit is free by that.
        await c.until("it to be delivered again", () => busy.deliveries.length + inbox.deliveries.length === 2);
        assert.equal(await lost.renew(), "lost");
        assert.equal(inbox.consumption.unsettled + busy.consumption.unsettled, 1, "the lost one does not count");
        const more = await c.publishOne(queue);
        await c.until("both to be at work", () => inbox.consumption.unsettled + busy.consumption.unsettled === 2);
        assert.ok([...inbox.ids, ...busy.ids].includes(more.id));
      },
    },
    {
      id: "stale-holder-changes-nothing",
      together: false,
      invariants: ["I-16", "I-18"],
      promise:
        "A holder whose lease was lost is told so by every settlement, and the new holder's delivery is untouched.",
      requires: ({ ownership, fenced }) => ownership === "lease" && fenced,
      async run(c) {
        const queue = await c.queue();
        await c.publish(STALE.map(([name]) => c.message(queue, { headers: { task: name } })));
        const holder = await c.consume(queue, { credit: STALE.length });
        const stale = await holder.take(STALE.length);
        await holder.consumption.stop();
        const other = await c.consume(queue, { broker: await c.connect(), credit: STALE.length });
        const fresh = await other.take(STALE.length, c.leaseMs + 1_000 + c.tolerance.patienceMs);
        const keeping = setInterval(() => fresh.map((delivery) => delivery.renew()), c.leaseMs / 4);
        c.cleanup(() => clearInterval(keeping));
        for (const delivery of stale) {
          const [name, settle] = STALE.find(([task]) => task === delivery.message.headers.task) ?? [];
          assert.equal(await settle?.(delivery), "lost", `${name} by the stale holder`);
        }
        await c.depth(queue, { owned: STALE.length, ready: 0, delayed: 0, dead: 0 });
        for (const delivery of fresh) {
          assert.notEqual(delivery.message.headers.task, "stale");
          assert.equal(delivery.lost.aborted, false);
          assert.equal(await delivery.ack(), "done", `the new holder of ${delivery.message.headers.task} may settle`);
        }
        await c.depth(queue, { owned: 0, ready: 0, dead: 0 });
      },
    },
    {
      id: "stale-holder-harms-nobody",
      invariants: ["I-18"],
      promise: "Where settlements are not fenced, a stale ack neither rejects nor makes another delivery.",
      requires: ({ ownership, fenced }) => ownership === "lease" && !fenced,
      async run(c) {
        const queue = await c.queue();
        const stale = await c.own(queue);
        const other = await c.consume(queue, { broker: await c.connect() });
        const fresh = await other.next(c.leaseMs + 1_000 + c.tolerance.patienceMs);
        assert.match(await stale.ack(), /^(done|lost)$/);
        assert.match(await fresh.ack(), /^(done|lost)$/);
        // It has room again, and would take what only looks for leftovers.
        await other.consumption.stop();
        await c.nothingReady(queue);
      },
    },
    {
      id: "starts-survive-the-holder",
      invariants: ["I-39"],
      promise: "A start that was marked is still counted when its holder is lost, and not held against its neighbours.",
      requires: ({ ownership, countsStarts }) => ownership === "lease" && countsStarts,
      async run(c) {
        const queue = await c.queue();
        await c.publish(c.messages(queue, 3));
        const holder = await c.consume(queue, { credit: 3 });
        const [guilty, ...neighbours] = await holder.take(3);
        assert.equal(await guilty?.markStarted(), "done");
        await holder.consumption.stop();
        const other = await c.consume(queue, { credit: 3 });
        const again = await other.take(3, c.leaseMs + 1_000 + c.tolerance.patienceMs);
        for (const delivery of again) {
          const expected = delivery.message.id === guilty?.message.id ? 1 : 0;
          assert.equal(delivery.starts ?? 0, expected, expected ? "the one that had begun" : "a neighbour");
          assert.equal(await delivery.ack(), "done");
        }
        assert.equal(neighbours.length, 2);
      },
    },
    {
      id: "close-gives-back",
      invariants: ["I-21", "I-22", "I-2"],
      promise:
        "What a closed connection held is delivered to others: at once where the broker can, else when the leases lapse.",
      async run(c) {
        const queue = await c.queue();
        const ids = await c.publish(c.messages(queue, 5));
        const leaving = await c.connect();
        const held = await c.consume(queue, { broker: leaving, credit: 5 });
        await held.has(5);
        const other = await c.consume(queue, { credit: 5 });
        await leaving.close();
        const again = await other.take(5, c.leaseMs + 1_000 + c.tolerance.patienceMs);
        assert.deepEqual(again.map(({ message }) => message.id).sort(), [...ids].sort());
        for (const delivery of again) {
          assert.equal(delivery.redelivered, true);
          assert.equal(await delivery.ack(), "done");
        }
      },
    },
    {
      id: "comes-again-to-its-holder",
      invariants: ["I-23", "I-16", "I-21"],
      promise:
        "What was lost comes again also to the consumption that still runs it, as a new delivery that can be renewed and settled; the old one cannot.",
      requires: ({ ownership }) => ownership === "lease",
      async run(c) {
        const queue = await c.queue();
        const sent = await c.publishOne(queue);
        const inbox = await c.consume(queue, { credit: 2 });
        const old = await inbox.next();
        // Nobody renews; the worker would, and would adopt what comes.
        const adopted = await inbox.next(c.leaseMs + 1_000 + c.tolerance.patienceMs);
        assert.equal(adopted.message.id, sent.id);
        assert.equal(adopted.redelivered, true);
        assert.equal(await adopted.renew(), "done");
        if (c.capabilities.fenced) assert.equal(await old.ack(), "lost");
        assert.equal(adopted.lost.aborted, false);
        assert.equal(await adopted.ack(), "done");
        await c.depth(queue, { ready: 0, owned: 0 });
      },
    },
    {
      id: "cut-comes-again-to-its-holder",
      together: false,
      invariants: ["I-23", "I-16", "I-18", "I-21"],
      promise:
        "Where ownership is the connection's and it is cut, the message comes again, also to who still runs it; the old delivery says lost.",
      needs: ["reset"],
      requires: ({ ownership }) => ownership === "connection",
      async run(c) {
        const queue = await c.queue();
        const sent = await c.publishOne(queue);
        const inbox = await c.consume(queue, { broker: await c.connect(), credit: 2 });
        const old = await inbox.next();
        await c.harness.faults?.reset?.();
        const adopted = await inbox.next();
        assert.equal(adopted.message.id, sent.id);
        assert.equal(adopted.redelivered, true);
        assert.equal(old.lost.aborted, true);
        assert.equal(await old.ack(), "lost");
        assert.equal(await adopted.ack(), "done");
        await c.depth(queue, { ready: 0, owned: 0 });
      },
    },
  ],
  { together: true },
);
