import assert from "node:assert/strict";
import type { Broker, DeadLetterReason } from "@lovage/core/contracts";
import { inGroup } from "../scenario.ts";
import { rejectsWith } from "./codes.ts";
import type { BrokerContext, BrokerScenario } from "./context.ts";

/** Publishes `count` messages and dead-letters them one by one, so that their order is known. */
async function bury(
  c: BrokerContext,
  queue: string,
  count: number,
  reason: DeadLetterReason,
): Promise<readonly string[]> {
  const ids = await c.publish(
    c.messages(queue, count, { headers: { task: "t", attempt: 3, starts: 2, "acme.k": "v" } }),
  );
  const inbox = await c.consume(queue, { credit: 1 });
  for (let letter = 0; letter < count; letter += 1) assert.equal(await (await inbox.next()).deadLetter(reason), "done");
  await inbox.consumption.stop();
  return ids;
}

const listed = async (broker: Broker, ...query: Parameters<Broker["deadLetters"]>): Promise<readonly string[]> =>
  (await broker.deadLetters(...query)).map(({ id }) => id);

export const deadLetters: readonly BrokerScenario[] = inGroup(
  "dead-letters",
  [
    {
      id: "carry-everything",
      invariants: ["I-38", "I-40", "I-9"],
      promise:
        "A dead letter has its id, queue, reason, time, headers and raw bytes, whatever those are, and is not delivered.",
      requires: ({ deadLetterBrowse }) => deadLetterBrowse,
      async run(c) {
        const queue = await c.queue();
        const broker = await c.broker();
        const body = Uint8Array.of(0, 255, 0xc3, 0x28, 10);
        const delivery = await c.own(queue, { body, priority: 2, headers: { task: "t", attempt: 4, "acme.k": "v" } });
        const before = Date.now();
        assert.equal(await delivery.deadLetter({ code: "undecodable", details: "SyntaxError: größer" }), "done");
        const [letter, ...more] = await broker.deadLetters(queue);
        assert.ok(letter !== undefined && more.length === 0, "one letter");
        assert.equal(letter.id, delivery.message.id);
        assert.equal(letter.queue, queue);
        assert.deepEqual({ ...letter.reason }, { code: "undecodable", details: "SyntaxError: größer" });
        assert.ok(Math.abs(letter.deadAt - before) < 5_000 + c.tolerance.slackMs, "dead since now");
        assert.deepEqual({ ...letter.headers }, { task: "t", attempt: 4, "acme.k": "v" });
        assert.ok(Buffer.from(letter.body as Uint8Array).equals(Buffer.from(body)), "raw bytes");
        if (c.capabilities.priority !== "none") assert.equal(letter.priority, 2);
        if (c.capabilities.countsDeliveries) assert.equal(letter.deliveryCount, 1);
        await c.depth(queue, { ready: 0, owned: 0, dead: 1 });
        await c.nothingReady(queue);
      },
    },
    {
      id: "are-counted",
      invariants: ["I-38", "I-46"],
      promise: "Dead letters are counted apart and are not delivered.",
      async run(c) {
        const queue = await c.queue();
        await bury(c, queue, 3, { code: "failed" });
        await c.depth(queue, { ready: 0, delayed: 0, owned: 0, dead: 3 });
        await c.nothingReady(queue);
      },
    },
    {
      id: "are-listed-in-pages",
      invariants: ["I-41"],
      promise: "Dead letters are listed oldest first, in pages, and by id.",
      requires: ({ deadLetterBrowse }) => deadLetterBrowse,
      async run(c) {
        const queue = await c.queue();
        const broker = await c.broker();
        const ids = await bury(c, queue, 7, { code: "failed" });
        assert.deepEqual(await listed(broker, queue), ids);
        assert.deepEqual(await listed(broker, queue, { limit: 3 }), ids.slice(0, 3));
        assert.deepEqual(await listed(broker, queue, { limit: 3, after: ids[2] as string }), ids.slice(3, 6));
        assert.deepEqual(await listed(broker, queue, { limit: 3, after: ids[6] as string }), []);
        const wanted = [ids[4], ids[1], "absent"] as string[];
        assert.deepEqual(await listed(broker, queue, { ids: wanted }), [ids[1], ids[4]]);
      },
    },
    {
      id: "are-redriven",
      invariants: ["I-41"],
      promise:
        "Redriving makes dead letters ready again with the same id; attempt and starts begin anew, other headers stay.",
      requires: ({ deadLetterBrowse }) => deadLetterBrowse,
      async run(c) {
        const queue = await c.queue();
        const broker = await c.broker();
        const ids = await bury(c, queue, 4, { code: "failed" });
        assert.equal(await broker.redrive(queue, [ids[1] as string, "absent"]), 1);
        const inbox = await c.consume(queue, { credit: 10 });
        const back = await inbox.next();
        assert.equal(back.message.id, ids[1]);
        assert.equal(back.message.headers.attempt ?? 1, 1);
        assert.equal(back.message.headers.starts ?? 0, 0);
        assert.equal(back.starts ?? 0, 0);
        assert.equal(back.message.headers["acme.k"], "v");
        assert.equal(await back.ack(), "done");
        assert.equal(await broker.redrive(queue, "all"), 3);
        for (const delivery of await inbox.take(3)) assert.equal(await delivery.ack(), "done");
        assert.deepEqual([...inbox.ids].sort(), [...ids].sort());
        await c.depth(queue, { ready: 0, owned: 0, dead: 0 });
      },
    },
    {
      id: "are-dropped",
      invariants: ["I-41"],
      promise: "Dropping removes dead letters for good, some or all, and says how many.",
      requires: ({ deadLetterBrowse }) => deadLetterBrowse,
      async run(c) {
        const queue = await c.queue();
        const broker = await c.broker();
        const ids = await bury(c, queue, 4, { code: "failed" });
        assert.equal(await broker.dropDead(queue, [ids[0] as string, ids[2] as string, "absent"]), 2);
        assert.deepEqual(await listed(broker, queue), [ids[1], ids[3]]);
        assert.equal(await broker.dropDead(queue, "all"), 2);
        await c.depth(queue, { dead: 0, ready: 0 });
        await c.nothingReady(queue);
      },
    },
    {
      id: "are-bounded",
      invariants: ["I-41"],
      promise: "No more than maxDead are kept; the oldest go first.",
      requires: ({ deadLetterBrowse }) => deadLetterBrowse,
      async run(c) {
        const queue = await c.queue({ maxDead: 3 });
        const ids = await bury(c, queue, 5, { code: "failed" });
        await c.until("the oldest to be gone", async () => (await listed(await c.broker(), queue)).length === 3);
        assert.deepEqual(await listed(await c.broker(), queue), ids.slice(2));
      },
    },
    {
      id: "expire",
      invariants: ["I-41"],
      promise: "Dead letters older than the retention are gone.",
      requires: ({ deadLetterBrowse }) => deadLetterBrowse,
      async run(c) {
        const queue = await c.queue({ deadRetentionMs: 300 });
        await bury(c, queue, 2, { code: "failed" });
        await c.elapse(300);
        await c.until("them to be gone", async () => (await listed(await c.broker(), queue)).length === 0);
      },
    },
    {
      id: "redrive-forgets-a-revocation",
      invariants: ["I-41", "I-43"],
      promise:
        "A redriven message is delivered, and comes back when released or requeued, even if its id was revoked before.",
      requires: ({ deadLetterBrowse }) => deadLetterBrowse,
      async run(c) {
        const queue = await c.queue();
        const broker = await c.broker();
        const delivery = await c.own(queue);
        await broker.revoke([delivery.message.id]);
        assert.equal(await delivery.deadLetter({ code: "cancelled" }), "done");
        assert.equal(await broker.redrive(queue, [delivery.message.id]), 1);
        const inbox = await c.consume(queue);
        assert.equal(await (await inbox.next()).release(), "done");
        assert.equal(await (await inbox.next()).requeue(), "done");
        const last = await inbox.next();
        assert.equal(last.message.id, delivery.message.id);
        assert.equal(await last.ack(), "done");
      },
    },
    {
      id: "cannot-be-browsed",
      invariants: ["I-41"],
      promise: "Where dead letters cannot be handled one by one, listing, redriving and dropping say so.",
      requires: ({ deadLetterBrowse }) => !deadLetterBrowse,
      async run(c) {
        const queue = await c.queue();
        const broker = await c.broker();
        await rejectsWith("CAPABILITY_MISSING", () => broker.deadLetters(queue));
        await rejectsWith("CAPABILITY_MISSING", () => broker.redrive(queue, ["x"]));
        await rejectsWith("CAPABILITY_MISSING", () => broker.dropDead(queue, ["x"]));
      },
    },
    {
      id: "are-kept",
      invariants: ["I-38", "I-2"],
      promise: "Dead letters that cannot be browsed are not only counted: the server has them.",
      requires: ({ deadLetterBrowse }) => !deadLetterBrowse,
      needs: ["buried"],
      async run(c) {
        const queue = await c.queue();
        const ids = await bury(c, queue, 3, { code: "failed" });
        let found: readonly string[] = [];
        const kept = async (): Promise<boolean> => {
          found = (await c.harness.buried?.(queue)) ?? [];
          return found.length === ids.length;
        };
        await c.until("all to be found", kept).catch(() => assert.fail(`found ${found.length} of ${ids.length}`));
        assert.deepEqual([...found].sort(), [...ids].sort());
      },
    },
  ],
  { together: true },
);
