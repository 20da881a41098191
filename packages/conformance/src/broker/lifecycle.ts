import assert from "node:assert/strict";
import { isLovageError } from "@lovage/core/contracts";
import { grownSince, resources } from "../resources.ts";
import { inGroup } from "../scenario.ts";
import { rejectsWith } from "./codes.ts";
import { startContender } from "./contender-process.ts";
import type { BrokerScenario } from "./context.ts";

export const lifecycle: readonly BrokerScenario[] = inGroup("lifecycle", [
  {
    id: "capabilities-need-a-connection",
    invariants: ["I-49"],
    promise:
      "Before connect has resolved, capabilities throw; afterwards they do not change. Connecting twice is as good as once.",
    async run(c) {
      const broker = await c.create();
      assert.throws(
        () => broker.capabilities,
        (error) => isLovageError(error, "BROKER_UNAVAILABLE"),
      );
      await Promise.all([broker.connect(), broker.connect()]);
      const first = structuredClone(broker.capabilities);
      await broker.connect();
      assert.deepEqual(broker.capabilities, first);
      assert.deepEqual(broker.capabilities, c.capabilities);
    },
  },
  {
    id: "says-that-it-is-connected",
    invariants: ["I-49"],
    promise: "Who listens hears `connected` by the time that connect has resolved.",
    async run(c) {
      const broker = await c.create();
      const events = c.events(broker);
      await broker.connect();
      await events.next("connected", undefined, { timeoutMs: c.tolerance.quietMs });
    },
  },
  {
    id: "connect-can-be-called-off",
    invariants: ["I-49"],
    promise: "Connecting with an aborted signal rejects and leaves nothing open.",
    async run(c) {
      const broker = await c.create();
      const reason = new Error("not any more");
      await assert.rejects(broker.connect({ signal: AbortSignal.abort(reason) }));
      await broker.close();
    },
  },
  {
    id: "close-is-final-and-idempotent",
    invariants: ["I-56"],
    promise: "Closing twice, also at once, is as good as once; afterwards everything rejects with BrokerClosedError.",
    async run(c) {
      const queue = await c.queue();
      const broker = await c.connect();
      await Promise.all([broker.close(), broker.close()]);
      await broker.close();
      await rejectsWith("BROKER_CLOSED", () => broker.publish([c.message(queue)]));
      await rejectsWith("BROKER_CLOSED", () => broker.consume({ queue, credit: 1 }, () => {}));
      await rejectsWith("BROKER_CLOSED", () => broker.depth(queue));
      await rejectsWith("BROKER_CLOSED", () => broker.ensureQueue({ name: queue }));
      await rejectsWith("BROKER_CLOSED", () => broker.revoke(["x"]));
      await rejectsWith("BROKER_CLOSED", () => broker.connect());
      await c.depth(queue, { ready: 0 });
    },
  },
  {
    id: "closes-before-it-was-connected",
    invariants: ["I-56"],
    promise: "A broker that was never connected can be closed.",
    async run(c) {
      const broker = await c.create();
      await broker.close();
      await rejectsWith("BROKER_CLOSED", () => broker.connect());
    },
  },
  {
    id: "close-sends-what-was-asked",
    invariants: ["I-2", "I-17", "I-56"],
    promise: "What was published and settled before close was called takes effect.",
    async run(c) {
      const queue = await c.queue();
      const leaving = await c.connect();
      await c.publish(c.messages(queue, 10));
      const inbox = await c.consume(queue, { broker: leaving, credit: 10 });
      const held = await inbox.take(10);
      const answers = held.map((delivery) => delivery.ack());
      const outcomes = leaving.publish(c.messages(queue, 5));
      await leaving.close();
      assert.deepEqual([...new Set(await Promise.all(answers))], ["done"]);
      assert.deepEqual([...new Set((await outcomes).map(({ status }) => status))], ["accepted"]);
      await c.depth(queue, { ready: 5, owned: 0 });
    },
  },
  {
    id: "nothing-arrives-after-stop",
    invariants: ["I-13"],
    promise: "Once stop has resolved, no delivery arrives; what was on its way is available to others.",
    async run(c) {
      const queue = await c.queue();
      const broker = await c.broker();
      const inbox = await c.consume(queue, { credit: 3, onDelivery: (delivery) => void delivery.ack() });
      const publishing = c.publish(c.messages(queue, 200));
      await inbox.has(1);
      await Promise.all([inbox.consumption.stop(), inbox.consumption.stop()]);
      const seen = inbox.deliveries.length;
      await publishing;
      const rest = await c.consume(queue, { broker, credit: 10, onDelivery: (delivery) => void delivery.ack() });
      await rest.has(200 - seen, c.leaseMs + c.tolerance.patienceMs);
      assert.equal(inbox.deliveries.length, seen);
      await c.depth(queue, { ready: 0, owned: 0 });
    },
  },
  {
    id: "settling-after-close-changes-nothing",
    invariants: ["I-56"],
    promise:
      "A delivery of a closed broker is no longer ours: settling it rejects with BrokerClosedError and changes nothing.",
    async run(c) {
      const queue = await c.queue();
      const leaving = await c.connect();
      await c.publishOne(queue);
      const held = await (await c.consume(queue, { broker: leaving })).next();
      await leaving.close();
      const answer = await held.ack().catch((error: unknown) => error);
      assert.ok(answer === "lost" || isLovageError(answer, "BROKER_CLOSED"), `not ${String(answer)}`);
      const again = await (await c.consume(queue)).next(c.leaseMs + 1_000 + c.tolerance.patienceMs);
      assert.equal(again.message.id, held.message.id);
    },
  },
  {
    id: "leaves-nothing-running",
    invariants: ["I-56", "I-50"],
    promise: "Connections that were used and closed leave no socket, timer or thread behind in the process.",
    async run(c) {
      const queue = await c.queue();
      const before = resources();
      for (let round = 0; round < 5; round += 1) {
        const broker = await c.connect();
        await c.publish(c.messages(queue, 3), broker);
        await c.publish(c.messages(queue, 1, { dueAt: Date.now() + 3_600_000 }), broker);
        const inbox = await c.consume(queue, { broker, credit: 2 });
        await inbox.has(2);
        await inbox.deliveries[0]?.ack();
        await broker.close();
      }
      let left: ReturnType<typeof grownSince> = [];
      const settled = (): boolean => {
        // The wait itself holds one timer.
        left = grownSince(before).filter(([kind, more]) => kind !== "Timeout" || more > 1);
        return left.length === 0;
      };
      await c.until("what was opened to be gone", settled).catch(() => {
        assert.fail(`left running: ${left.map(([kind, more]) => `${more} ${kind}`).join(", ")}`);
      });
    },
  },
  {
    id: "lets-the-process-end",
    invariants: ["I-56"],
    promise: "A process that has closed its broker ends by itself.",
    needs: ["spawn"],
    async run(c) {
      const queue = await c.queue();
      await c.publish(c.messages(queue, 3));
      const contender = startContender(c, { role: "leave", queue, credit: 2 });
      await contender.said("closed");
      assert.equal((await contender.ended).code, 0);
    },
  },
  {
    id: "dispose-closes",
    invariants: ["I-56"],
    promise: "Disposing of a consumption stops it, and of a broker closes it.",
    async run(c) {
      const queue = await c.queue();
      const broker = await c.connect();
      const inbox = await c.consume(queue, { broker });
      await inbox.consumption[Symbol.asyncDispose]();
      await c.publishOne(queue);
      await c.depth(queue, { ready: 1, owned: 0 });
      await broker[Symbol.asyncDispose]();
      await rejectsWith("BROKER_CLOSED", () => broker.queues());
    },
  },
]);
