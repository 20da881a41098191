import assert from "node:assert/strict";
import { inGroup } from "../scenario.ts";
import type { BrokerScenario } from "./context.ts";

export const lease: readonly BrokerScenario[] = inGroup(
  "lease",
  [
    {
      id: "renewal-keeps",
      together: false,
      invariants: ["I-10", "I-15"],
      promise: "Deliveries that are renewed in time are nobody else's, for many leases.",
      requires: ({ ownership }) => ownership === "lease",
      async run(c) {
        const queue = await c.queue();
        await c.publish(c.messages(queue, 20));
        const holder = await c.consume(queue, { credit: 20 });
        const held = await holder.take(20);
        const other = await c.consume(queue, { broker: await c.connect(), credit: 20 });
        for (let renewal = 0; renewal < 10; renewal += 1) {
          await c.elapse(c.leaseMs / 4);
          const answers = await Promise.all(held.map((delivery) => delivery.renew()));
          assert.deepEqual([...new Set(answers)], ["done"]);
        }
        assert.equal(other.deliveries.length, 0, "nobody else received them");
        assert.ok(held.every(({ lost }) => !lost.aborted));
        for (const delivery of held) assert.equal(await delivery.ack(), "done");
      },
    },
    {
      id: "expiry-is-known",
      invariants: ["I-14"],
      promise:
        "A delivery knows when its lease ends, never later than the broker does, and the instant moves with a renewal.",
      requires: ({ ownership }) => ownership === "lease",
      async run(c) {
        const queue = await c.queue();
        const before = Date.now();
        const delivery = await c.own(queue);
        const first = delivery.leaseExpiresAt ?? Number.NaN;
        assert.ok(first > before, "it lies ahead");
        assert.ok(first <= Date.now() + c.leaseMs, "at most a lease ahead");
        await c.elapse(c.leaseMs / 4);
        assert.equal(await delivery.renew(), "done");
        const second = delivery.leaseExpiresAt ?? Number.NaN;
        assert.ok(second >= first + c.leaseMs / 8, "renewal moves it");
        assert.ok(second <= Date.now() + c.leaseMs, "again at most a lease ahead");
        assert.equal(await delivery.ack(), "done");
      },
    },
    {
      id: "belongs-to-the-queue",
      invariants: ["I-14"],
      promise:
        "The lease is a setting of the queue, for all connections; a declaration that does not mention it leaves it as it is.",
      requires: ({ ownership }) => ownership === "lease",
      async run(c) {
        const queue = await c.queue({ leaseMs: 30_000 });
        const other = await c.connect();
        await other.ensureQueue({ name: queue });
        const kept = await c.own(queue);
        assert.ok((kept.leaseExpiresAt ?? 0) > Date.now() + 20_000, "30 s, as the first declaration said");
        await kept.ack();
        await other.ensureQueue({ name: queue, leaseMs: c.leaseMs });
        const changed = await c.own(queue);
        assert.ok((changed.leaseExpiresAt ?? Number.NaN) <= Date.now() + c.leaseMs, "1 s, as the last one said");
        await changed.ack();
      },
    },
    {
      id: "connection-needs-no-renewal",
      invariants: ["I-14", "I-15"],
      promise: "Where ownership is the connection's, a delivery is kept without renewal, and renewing says done.",
      requires: ({ ownership }) => ownership === "connection",
      async run(c) {
        const queue = await c.queue();
        const delivery = await c.own(queue);
        assert.equal(delivery.leaseExpiresAt, undefined);
        const other = await c.consume(queue, { broker: await c.connect() });
        await c.elapse(c.leaseMs + 1_000);
        assert.equal(await delivery.renew(), "done");
        assert.equal(other.deliveries.length, 0);
        assert.equal(await delivery.ack(), "done");
      },
    },
  ],
  { together: true },
);
