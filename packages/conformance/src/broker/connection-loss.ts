import assert from "node:assert/strict";
import { before } from "../run-scenarios.ts";
import { inGroup } from "../scenario.ts";
import type { BrokerScenario } from "./context.ts";
import { Growth } from "./growth.ts";
import { ack } from "./inbox.ts";
import { OPERATION_TIMEOUT_MS, operationDeadline, outage, recovery } from "./outage.ts";

const CUTS = 20;

export const connectionLoss: readonly BrokerScenario[] = inGroup("connection-loss", [
  {
    id: "consuming-resumes",
    invariants: ["I-50", "I-24"],
    promise:
      "After connections were cut, consuming goes on by itself within a second of the recovery, twenty times in a row, and nothing accumulates.",
    needs: ["reset"],
    timeoutMs: 120_000,
    async run(c) {
      const queue = await c.queue();
      const publisher = await c.connect();
      const inbox = await c.consume(queue, { broker: await c.connect(), credit: 3, onDelivery: ack });
      const growth = new Growth(c);
      for (let cut = 1; cut <= CUTS; cut += 1) {
        await c.harness.faults?.reset?.();
        const message = c.message(queue);
        await c.publishUntilAccepted(message, publisher);
        await c.until("it to be delivered", () => inbox.ids.includes(message.id), recovery(c));
        if (cut !== 2) continue;
        // The main connection, of which nothing else is asked, is back as well.
        await c.depth(queue, {});
        await growth.mark();
      }
      await c.depth(queue, { ready: 0, owned: 0 });
      await growth.none(CUTS - 2);
    },
  },
  {
    id: "settlements-outlast-an-outage",
    invariants: ["I-20"],
    promise:
      "A settlement asked during an outage is not dropped: it resolves afterwards as done or lost, and what it says is true.",
    needs: ["freeze"],
    async run(c) {
      const queue = await c.queue({ leaseMs: 30_000 });
      const consumer = await c.connect({ operationTimeoutMs: OPERATION_TIMEOUT_MS });
      await c.publish(c.messages(queue, 10));
      const inbox = await c.consume(queue, { broker: consumer, credit: 10 });
      const held = await inbox.take(10);
      inbox.consumption.setCredit(0);
      const thaw = await outage(c, "freeze");
      const answers = held.map((delivery) => delivery.ack());
      const early = await Promise.race([Promise.all(answers), c.elapse(300)]);
      assert.equal(early, undefined, "nothing can be known while the server is away");
      await thaw();
      const said = await before(operationDeadline(c) + 5_000, "the settlements to be answered", Promise.all(answers));
      const done = said.filter((answer) => answer === "done").length;
      assert.equal(said.filter((answer) => answer === "lost").length, 10 - done);
      const other = await c.consume(queue, { broker: await c.connect(), credit: 10, onDelivery: ack });
      await c.until("the rest to be delivered", () => new Set(other.ids).size >= 10 - done);
      await c.quiet(
        "more than was lost came again",
        () => c.capabilities.fenced && other.deliveries.length > 10 - done,
      );
    },
  },
  {
    id: "publishing-never-hangs",
    invariants: ["I-1"],
    promise:
      "A publish during an outage settles within the deadline; if it does not know, it says so, and asking again is safe.",
    needs: ["freeze"],
    async run(c) {
      const queue = await c.queue();
      const publisher = await c.connect({ operationTimeoutMs: OPERATION_TIMEOUT_MS });
      const message = c.message(queue);
      const thaw = await outage(c, "freeze");
      const [outcome] = await before(operationDeadline(c), "the publish to settle", publisher.publish([message]));
      assert.match(outcome?.status ?? "", /^(unknown|refused)$/, "nobody can have accepted it");
      await thaw();
      await c.publishUntilAccepted(message, publisher);
      const inbox = await c.consume(queue, { credit: 5, onDelivery: ack });
      await inbox.has(1);
      await c.depth(queue, { ready: 0, owned: 0 });
      assert.ok(inbox.deliveries.length === 1 || c.capabilities.dedupe === "none", `${inbox.deliveries.length} copies`);
    },
  },
  {
    id: "lost-answer-is-unknown",
    invariants: ["I-1", "I-5"],
    promise: "A publish whose answer was lost ends as unknown with the id; published again, there is one message.",
    needs: ["drop-replies"],
    async run(c) {
      const queue = await c.queue();
      const publisher = await c.connect({ operationTimeoutMs: OPERATION_TIMEOUT_MS });
      const message = c.message(queue);
      const restore = await outage(c, "dropReplies");
      const [outcome] = await before(operationDeadline(c), "the publish to settle", publisher.publish([message]));
      assert.ok(outcome?.status === "unknown", `unknown, not ${outcome?.status}`);
      assert.equal(outcome.id, message.id);
      assert.equal(outcome.error.retryable, true);
      await restore();
      await c.publishUntilAccepted(message, publisher);
      const inbox = await c.consume(queue, { credit: 5, onDelivery: ack });
      await inbox.has(1);
      await c.depth(queue, { ready: 0, owned: 0 });
      assert.ok(inbox.deliveries.length === 1 || c.capabilities.dedupe === "none", `${inbox.deliveries.length} copies`);
    },
  },
  {
    id: "frozen-connection-recovers",
    invariants: ["I-51", "I-12"],
    promise: "After a time in which nothing passed, consuming goes on by itself and the credit still holds.",
    needs: ["freeze"],
    timeoutMs: 60_000,
    async run(c) {
      const queue = await c.queue();
      const publisher = await c.connect({ operationTimeoutMs: OPERATION_TIMEOUT_MS });
      let held = 0;
      let most = 0;
      const inbox = await c.consume(queue, {
        broker: await c.connect({ operationTimeoutMs: OPERATION_TIMEOUT_MS }),
        credit: 3,
        onDelivery: (delivery) => {
          held += 1;
          most = Math.max(most, held);
          setTimeout(() => {
            held -= 1;
            ack(delivery);
          }, 2);
        },
      });
      await c.publish(c.messages(queue, 10), publisher);
      await inbox.has(10);
      const thaw = await outage(c, "freeze");
      await c.elapse(500);
      await thaw();
      const late = c.messages(queue, 20);
      await c.until("the rest to be accepted", async () =>
        (await publisher.publish(late)).every(({ status }) => status === "accepted" || status === "duplicate"),
      );
      await c.until("all to be delivered", () => new Set(inbox.ids).size === 30, 30_000 + c.tolerance.patienceMs);
      assert.ok(most <= 3, `held ${most} with a credit of 3`);
    },
  },
  {
    id: "close-does-not-wait-for-the-server",
    invariants: ["I-56"],
    promise: "Closing resolves within 5 s although the server does not answer.",
    needs: ["freeze"],
    async run(c) {
      const queue = await c.queue();
      const leaving = await c.connect({ operationTimeoutMs: OPERATION_TIMEOUT_MS });
      await c.publishOne(queue);
      const inbox = await c.consume(queue, { broker: leaving });
      await inbox.has(1);
      const thaw = await outage(c, "freeze");
      await before(5_000 + c.tolerance.slackMs, "close", leaving.close());
      await thaw();
    },
  },
  {
    id: "half-open-is-noticed",
    invariants: ["I-51", "I-50", "I-24"],
    promise:
      "A connection that has gone silent without a word is noticed within three heartbeats, and consuming goes on over a new one.",
    needs: ["half-open"],
    timeoutMs: 120_000,
    async run(c) {
      const queue = await c.queue();
      const broker = await c.connect({ operationTimeoutMs: OPERATION_TIMEOUT_MS });
      const events = c.events(broker);
      const inbox = await c.consume(queue, { broker, credit: 3, onDelivery: ack });
      await c.publishOne(queue);
      await inbox.has(1);
      const end = await outage(c, "halfOpen");
      const message = c.message(queue);
      await c.publish([message], await c.connect());
      const noticed = 3 * (c.harness.heartbeatMs ?? 10_000);
      // What the server had already sent into the silence comes again when its lease lapses.
      const latest = noticed + c.leaseMs + 1_000 + recovery(c);
      await c.until("it to be delivered", () => inbox.ids.includes(message.id), latest);
      await events.next("disconnected", undefined, { timeoutMs: c.tolerance.patienceMs });
      await end();
      const last = c.message(queue);
      await c.publishUntilAccepted(last, broker);
      await c.until("it to be delivered too", () => inbox.ids.includes(last.id));
    },
  },
  {
    id: "says-when-it-is-cut-and-back",
    invariants: ["I-50"],
    promise: "`connected` is said when a connection is there, `disconnected` when it is lost, and `connected` again.",
    needs: ["reset"],
    async run(c) {
      const broker = await c.create();
      const events = c.events(broker);
      await broker.connect();
      const patience = { timeoutMs: c.tolerance.patienceMs };
      await events.next("connected", undefined, patience);
      await c.harness.faults?.reset?.();
      await events.next("disconnected", undefined, patience);
      await c.until("it to be said that it is back", () => {
        const said = events.events.map(({ type }) => type);
        return said.lastIndexOf("connected") > said.lastIndexOf("disconnected");
      });
    },
  },
]);
