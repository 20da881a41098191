import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { inGroup } from "../scenario.ts";
import type { BrokerScenario } from "./context.ts";

const HOUR_MS = 3_600_000;

export const revoke: readonly BrokerScenario[] = inGroup(
  "revoke",
  [
    {
      id: "waiting-is-never-delivered",
      invariants: ["I-43"],
      promise: "A waiting message that was revoked is never delivered, by any connection; its neighbours are.",
      async run(c) {
        const queue = await c.queue();
        const ids = await c.publish(c.messages(queue, 5));
        const revoked = [ids[1], ids[3]] as string[];
        const outcomes = await (await c.broker()).revoke(revoked);
        assert.deepEqual(
          outcomes.map(({ id }) => id),
          revoked,
        );
        for (const { status } of outcomes) assert.match(status, /^(removed|unknown)$/);
        const inbox = await c.consume(queue, { broker: await c.connect(), credit: 1, onDelivery: (d) => void d.ack() });
        await inbox.has(3);
        await c.depth(queue, { ready: 0, owned: 0 });
        assert.deepEqual(inbox.ids, [ids[0], ids[2], ids[4]]);
      },
    },
    {
      id: "says-where-it-was",
      invariants: ["I-43"],
      promise: "Revoking tells waiting, owned and absent messages apart, or says that it cannot tell.",
      async run(c) {
        const queue = await c.queue();
        const broker = await c.broker();
        const held = await c.own(queue);
        const waiting = await c.publishOne(queue);
        const absent = randomUUID();
        const outcomes = await broker.revoke([held.message.id, waiting.id, absent]);
        const expected = ["owned", "removed", "absent"];
        for (const [index, { status }] of outcomes.entries()) {
          assert.ok(status === "unknown" || status === expected[index], `${status} instead of ${expected[index]}`);
        }
        assert.deepEqual(await broker.revoke([]), []);
      },
    },
    {
      id: "owned-stays-with-its-holder",
      invariants: ["I-43"],
      promise: "An owned message that is revoked stays with its holder, who may ack or dead-letter it.",
      async run(c) {
        const queue = await c.queue();
        await c.publish(c.messages(queue, 2));
        const inbox = await c.consume(queue, { credit: 2 });
        const [first, second] = await inbox.take(2);
        await (await c.broker()).revoke(inbox.ids);
        assert.equal(first?.lost.aborted, false);
        assert.equal(await first?.renew(), "done");
        assert.equal(await first?.ack(), "done");
        assert.equal(await second?.deadLetter({ code: "cancelled" }), "done");
        await c.depth(queue, { ready: 0, owned: 0, dead: 1 });
      },
    },
    {
      id: "owned-does-not-come-back",
      invariants: ["I-43"],
      promise:
        "An owned message that was revoked is gone once it would become ready: by requeue, delayed requeue or release.",
      async run(c) {
        const queue = await c.queue();
        await c.publish(c.messages(queue, 3));
        const inbox = await c.consume(queue, { credit: 3 });
        const [first, second, third] = await inbox.take(3);
        await inbox.consumption.stop();
        await (await c.broker()).revoke(inbox.ids);
        assert.equal(await first?.requeue(), "done");
        assert.equal(await second?.requeue({ delayMs: 20 }), "done");
        assert.equal(await third?.release(), "done");
        await c.elapse(20 + c.capabilities.delayResolutionMs);
        await c.nothingReady(queue);
        await c.depth(queue, { ready: 0, delayed: 0, owned: 0 });
      },
    },
    {
      id: "lapse-does-not-bring-it-back",
      invariants: ["I-43", "I-14"],
      promise: "An owned message that was revoked is gone when its lease lapses.",
      requires: ({ ownership }) => ownership === "lease",
      async run(c) {
        const queue = await c.queue();
        const held = await c.own(queue);
        await (await c.broker()).revoke([held.message.id]);
        const other = await c.consume(queue, { broker: await c.connect() });
        await c.elapse(c.leaseMs + 1_000);
        await c.depth(queue, { ready: 0, owned: 0, delayed: 0 });
        assert.equal(other.deliveries.length, 0);
      },
    },
    {
      id: "is-remembered",
      invariants: ["I-43"],
      promise: "A copy that appears after its id was revoked is not delivered either.",
      async run(c) {
        const queue = await c.queue();
        const broker = await c.broker();
        const message = c.message(queue);
        await broker.revoke([message.id]);
        const [outcome] = await broker.publish([message]);
        assert.notEqual(outcome?.status, "unknown");
        await c.nothingReady(queue);
        await c.depth(queue, { ready: 0, owned: 0 });
      },
    },
    {
      id: "delayed-frees-its-storage",
      invariants: ["I-44"],
      promise: "Revoking a delayed message frees its storage at once.",
      requires: ({ delayedRemove }) => delayedRemove,
      async run(c) {
        const queue = await c.queue();
        const ids = await c.publish(c.messages(queue, 3, { dueAt: Date.now() + HOUR_MS }));
        const outcomes = await (await c.broker()).revoke(ids.slice(0, 2));
        assert.deepEqual([...new Set(outcomes.map(({ status }) => status))], ["removed"]);
        await c.depth(queue, { delayed: 1 });
      },
    },
    {
      id: "delayed-is-dropped-when-due",
      invariants: ["I-43", "I-44"],
      promise: "A delayed message that was revoked is not delivered when it is due.",
      async run(c) {
        const queue = await c.queue();
        const dueAt = Date.now() + 300;
        const [gone, kept] = await c.publish(c.messages(queue, 2, { dueAt }));
        await (await c.broker()).revoke([gone as string]);
        const inbox = await c.consume(queue, { credit: 10, onDelivery: (delivery) => void delivery.ack() });
        await inbox.has(1, c.tolerance.patienceMs + c.capabilities.delayResolutionMs);
        await c.depth(queue, { ready: 0, delayed: 0, owned: 0 });
        await inbox.consumption.stop();
        await c.nothingReady(queue);
        assert.deepEqual(inbox.ids, [kept]);
      },
    },
    {
      id: "races-with-publishing",
      invariants: ["I-43"],
      promise:
        "Revoked while it was being published, a message is not delivered once both calls have resolved, whichever came first.",
      async run(c) {
        const queue = await c.queue();
        const publisher = await c.connect();
        const revoker = await c.broker();
        for (let round = 0; round < 50; round += 1) {
          const messages = c.messages(queue, 4);
          const ids = messages.map(({ id }) => id);
          const asked = [
            (): Promise<unknown> => publisher.publish(messages),
            (): Promise<unknown> => revoker.revoke(ids),
          ];
          if (round % 2 === 1) asked.reverse();
          // Between the two, as many steps of this process as there are rounds: some fall between the steps of the broker.
          const first = asked[0]?.();
          for (let step = 0; step < round % 10; step += 1) await null;
          await Promise.all([first, asked[1]?.()]);
        }
        await c.nothingReady(queue);
        await c.depth(queue, { ready: 0, delayed: 0, owned: 0 });
      },
    },
    {
      id: "delayed-may-wait-to-be-dropped",
      invariants: ["I-44", "I-43"],
      promise:
        "Where a revoked delayed message keeps its storage until it is due, it is gone then, undelivered and uncounted.",
      requires: ({ delayedRemove }) => !delayedRemove,
      async run(c) {
        const queue = await c.queue();
        const dueAt = Date.now() + 300;
        const ids = await c.publish(c.messages(queue, 3, { dueAt }));
        for (const { status } of await (await c.broker()).revoke(ids)) assert.match(status, /^(removed|unknown)$/);
        await c.elapse(300 + c.capabilities.delayResolutionMs);
        await c.nothingReady(queue);
        await c.depth(queue, { ready: 0, delayed: 0, owned: 0 });
      },
    },
  ],
  { together: true },
);
