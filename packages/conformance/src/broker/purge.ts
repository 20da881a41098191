import assert from "node:assert/strict";
import { inGroup } from "../scenario.ts";
import type { BrokerScenario } from "./context.ts";

const HOUR_MS = 3_600_000;

export const purge: readonly BrokerScenario[] = inGroup(
  "purge",
  [
    {
      id: "removes-ready-and-says-how-many",
      invariants: ["I-45"],
      promise: "Purging removes ready messages and resolves with their number; delayed and dead ones stay.",
      async run(c) {
        const queue = await c.queue();
        const broker = await c.broker();
        await (await c.own(queue)).deadLetter({ code: "failed" });
        const ready = await c.publish([...c.messages(queue, 4), ...c.messages(queue, 3, { priority: 9 })]);
        await c.publish(c.messages(queue, 2, { dueAt: Date.now() + HOUR_MS }));
        assert.equal(await broker.purge(queue), ready.length);
        await c.depth(queue, { ready: 0, delayed: 2, dead: 1 });
        assert.equal(await broker.purge(queue), 0);
        if (c.capabilities.dedupe === "while-present") {
          await c.publish(ready.slice(0, 1).map((id) => c.message(queue, { id })));
          assert.equal(await broker.purge(queue), 1, "a purged id may be published again");
        }
        await c.nothingReady(queue);
      },
    },
    {
      id: "removes-delayed-when-asked",
      invariants: ["I-45"],
      promise: "Asked to, purging removes delayed messages as well: they never come.",
      async run(c) {
        const queue = await c.queue();
        const dueAt = Date.now() + 400;
        await c.publish(c.messages(queue, 3, { dueAt }));
        await c.publish(c.messages(queue, 2));
        const removed = await (await c.broker()).purge(queue, { delayed: true });
        if (c.capabilities.depth.delayed) assert.equal(removed, 5);
        await c.depth(queue, { ready: 0, delayed: 0 });
        await c.elapse(400 + c.capabilities.delayResolutionMs);
        await c.nothingReady(queue);
      },
    },
    {
      id: "keeps-owned",
      invariants: ["I-45"],
      promise: "Purging leaves owned messages with their holders, who can settle them in every way.",
      requires: ({ purgeKeepsOwned }) => purgeKeepsOwned,
      async run(c) {
        const queue = await c.queue();
        await c.publish(c.messages(queue, 6));
        const inbox = await c.consume(queue, { credit: 4 });
        const [first, second, third, fourth] = await inbox.take(4);
        await inbox.consumption.stop();
        assert.equal(await (await c.broker()).purge(queue), 2);
        await c.depth(queue, { ready: 0, owned: 4 });
        assert.equal(await first?.ack(), "done");
        assert.equal(await second?.requeue(), "done");
        assert.equal(await third?.release(), "done");
        assert.equal(await fourth?.deadLetter({ code: "failed" }), "done");
        await c.depth(queue, { ready: 2, owned: 0, dead: 1 });
      },
    },
    {
      id: "removes-owned-too",
      invariants: ["I-45"],
      promise: "Where purging removes owned messages too, settling them does not reject and creates nothing.",
      requires: ({ purgeKeepsOwned }) => !purgeKeepsOwned,
      async run(c) {
        const queue = await c.queue();
        const held = await c.own(queue);
        await (await c.broker()).purge(queue);
        assert.match(await held.ack(), /^(done|lost)$/);
        await c.nothingReady(queue);
      },
    },
  ],
  { together: true },
);
