import assert from "node:assert/strict";
import { inGroup } from "../scenario.ts";
import type { BrokerScenario } from "./context.ts";
import { outage } from "./outage.ts";

export const overdue: readonly BrokerScenario[] = inGroup("overdue", [
  {
    id: "never",
    together: true,
    invariants: ["I-14", "I-15"],
    promise: "Where the broker sets no limit, a delivery stays its holder's however long it is unsettled.",
    requires: ({ maxUnsettledMs }) => maxUnsettledMs === undefined,
    async run(c) {
      const queue = await c.queue();
      const held = await c.own(queue);
      const other = await c.consume(queue, { broker: await c.connect() });
      for (let quarter = 0; quarter < 12; quarter += 1) {
        await c.elapse(c.leaseMs / 4);
        assert.equal(await held.renew(), "done");
      }
      assert.equal(other.deliveries.length, 0, "nobody else received it");
      assert.ok(!held.lost.aborted);
      assert.equal(await held.ack(), "done");
    },
  },
  {
    id: "is-taken-back-and-told",
    invariants: ["I-14", "I-18", "I-21"],
    promise:
      "A delivery that is unsettled for longer than the broker allows is lost to its holder, who is told; the message comes again, and what is settled in time is not touched.",
    requires: ({ maxUnsettledMs }) => maxUnsettledMs !== undefined,
    needs: ["overdue"],
    async run(c) {
      const [slow, quick] = [await c.queue(), await c.queue()];
      const { id } = await c.publishOne(slow);
      await outage(c, "overdue");
      // Limits may be the connection's, known when it begins.
      const holder = await c.connect();
      const inbox = await c.consume(slow, { broker: holder });
      const first = await inbox.next();
      const neighbour = await c.consume(quick, { broker: holder });
      await c.until("its holder to be told", () => first.lost.aborted);
      const again = await inbox.next();
      assert.equal(again.message.id, id);
      if (c.capabilities.fenced) assert.equal(await first.ack(), "lost");
      assert.equal(await again.ack(), "done");
      await c.publishOne(quick);
      assert.equal(await (await neighbour.next()).ack(), "done");
      await c.nothingReady(slow);
    },
  },
]);
