import assert from "node:assert/strict";
import { before } from "../run-scenarios.ts";
import { inGroup } from "../scenario.ts";
import type { BrokerScenario } from "./context.ts";
import { OPERATION_TIMEOUT_MS, operationDeadline, outage } from "./outage.ts";

export const blocked: readonly BrokerScenario[] = inGroup("blocked", [
  {
    id: "publishing-ends-and-settling-works",
    invariants: ["I-52", "I-1"],
    promise:
      "While the server holds publishers back, a publish ends as refused with its own error (or unknown), and consuming and settling work.",
    needs: ["block"],
    async run(c) {
      const queue = await c.queue();
      const broker = await c.connect({ operationTimeoutMs: OPERATION_TIMEOUT_MS });
      const ids = await c.publish(c.messages(queue, 5));
      const end = await outage(c, "block");
      const message = c.message(queue);
      const [outcome] = await before(operationDeadline(c), "the publish to settle", broker.publish([message]));
      assert.ok(outcome?.status === "refused" || outcome?.status === "unknown", `not ${outcome?.status}`);
      if (outcome.status === "refused") assert.match(outcome.error.code, /^BROKER_(BLOCKED|FULL)$/);
      assert.equal(outcome.error.retryable, true);
      const inbox = await c.consume(queue, { broker, credit: 10 });
      for (const delivery of await inbox.take(5)) assert.equal(await delivery.ack(), "done");
      assert.deepEqual(inbox.ids.slice(0, 5).sort(), [...ids].sort());
      await end();
      await c.publishUntilAccepted(message, broker);
    },
  },
  {
    id: "is-said",
    invariants: ["I-52"],
    promise:
      "`blocked` is said with a reason when the server holds publishers back, `unblocked` when it does so no longer.",
    needs: ["block"],
    async run(c) {
      const queue = await c.queue();
      const broker = await c.connect({ operationTimeoutMs: OPERATION_TIMEOUT_MS });
      const events = c.events(broker);
      const patience = { timeoutMs: operationDeadline(c) };
      const end = await outage(c, "block");
      // Some servers say so only to those who publish.
      void broker.publish([c.message(queue)]);
      const { reason } = await events.next("blocked", undefined, patience);
      assert.notEqual(reason, "");
      await end();
      await events.next("unblocked", undefined, patience);
    },
  },
]);
