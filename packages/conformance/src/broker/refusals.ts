import assert from "node:assert/strict";
import { inspect } from "node:util";
import { isLovageError } from "@lovage/core/contracts";
import { inGroup } from "../scenario.ts";
import { rejectsWith } from "./codes.ts";
import type { BrokerScenario } from "./context.ts";
import { ack } from "./inbox.ts";

export const refusals: readonly BrokerScenario[] = inGroup("refusals", [
  {
    id: "unknown-queue",
    invariants: ["I-6", "I-42"],
    promise: "Every question about a queue that was never declared says so.",
    async run(c) {
      const broker = await c.broker();
      const queue = c.name();
      await rejectsWith("QUEUE_NOT_FOUND", () => broker.consume({ queue, credit: 1 }, () => {}));
      await rejectsWith("QUEUE_NOT_FOUND", () => broker.depth(queue));
      await rejectsWith("QUEUE_NOT_FOUND", () => broker.oldestReadyAge(queue));
      await rejectsWith("QUEUE_NOT_FOUND", () => broker.purge(queue));
      await rejectsWith("QUEUE_NOT_FOUND", () => broker.destroyQueue(queue));
      if (c.capabilities.pause) await rejectsWith("QUEUE_NOT_FOUND", () => broker.pause(queue));
      if (c.capabilities.deadLetterBrowse) await rejectsWith("QUEUE_NOT_FOUND", () => broker.deadLetters(queue));
    },
  },
  {
    id: "bad-declaration",
    invariants: ["I-48"],
    promise: "A queue name or setting that cannot work is refused as a configuration error, and nothing is created.",
    async run(c) {
      const broker = await c.broker();
      const before = await broker.queues();
      const name = c.name();
      for (const bad of ["", "with space", "a/b", "{a}", "ü", "x".repeat(129)]) {
        await rejectsWith("CONFIGURATION", () => broker.ensureQueue({ name: bad }));
      }
      for (const leaseMs of [0, 999, -1, Number.NaN]) {
        await rejectsWith("CONFIGURATION", () => broker.ensureQueue({ name, leaseMs }));
      }
      await rejectsWith("CONFIGURATION", () => broker.ensureQueue({ name, maxDead: -1 }));
      const after = await broker.queues();
      assert.deepEqual(
        after.filter((queue) => queue === name || (!before.includes(queue) && !/^[\w.-]{1,128}$/.test(queue))),
        [],
      );
    },
  },
  {
    id: "names-of-any-legal-shape",
    invariants: ["I-48"],
    promise: "Every legal queue name works, and similar names are different queues.",
    async run(c) {
      const broker = await c.broker();
      const base = c.name();
      const names = [base, `${base}.A`, `${base}.a`, `${base}-_.`, `${base}${"x".repeat(128 - base.length)}`];
      c.cleanup(async () => {
        const cleaner = await c.connect();
        for (const queue of await cleaner.queues()) if (queue.startsWith(base)) await cleaner.destroyQueue(queue);
      });
      await Promise.all(names.map((name) => broker.ensureQueue({ name, leaseMs: c.leaseMs })));
      for (const [index, name] of names.entries()) await c.publish(c.messages(name, index + 1));
      for (const [index, name] of names.entries()) await c.depth(name, { ready: index + 1 });
    },
  },
  {
    id: "names-of-dots-and-cases",
    invariants: ["I-48"],
    promise: "A queue may be named `.` or `..`, and one that differs by case alone is another.",
    async run(c) {
      const broker = await c.broker();
      const base = c.name();
      const present = new Set(await broker.queues());
      // These have no namespace of their own: whoever has such a queue on this server keeps it.
      const names = [".", "..", `${base}.case`, `${base}.CASE`, `${base}.Case`].filter((name) => !present.has(name));
      c.cleanup(async () => {
        const cleaner = await c.connect();
        for (const queue of await cleaner.queues()) if (names.includes(queue)) await cleaner.destroyQueue(queue);
      });
      await Promise.all(names.map((name) => broker.ensureQueue({ name, leaseMs: c.leaseMs })));
      assert.deepEqual(
        (await broker.queues()).filter((name) => names.includes(name)),
        [...names].sort(),
      );
      for (const [index, name] of names.entries()) await c.publish(c.messages(name, index + 1));
      for (const [index, name] of names.entries()) await c.depth(name, { ready: index + 1 });
      for (const [index, name] of names.entries()) {
        const inbox = await c.consume(name, { credit: 10, onDelivery: ack });
        await inbox.has(index + 1);
        await c.depth(name, { ready: 0, owned: 0 });
        assert.equal(inbox.deliveries.length, index + 1);
      }
    },
  },
  {
    id: "errors-keep-secrets",
    invariants: ["I-54"],
    promise: "Errors and addresses carry no body, no header and no credentials.",
    async run(c) {
      const broker = await c.broker();
      const queue = await c.queue();
      const secret = "s3cr3t-f00d";
      const headers = { task: "t", "acme.token": secret };
      const size = c.capabilities.maxMessageBytes;
      const tooLarge = size <= 64 * 1024 * 1024 ? [c.message(queue, { headers, body: secret + "x".repeat(size) })] : [];
      const outcomes = await broker.publish([c.message(c.name(), { headers, body: secret }), ...tooLarge]);
      for (const outcome of outcomes) {
        if (outcome.status !== "refused") continue;
        assert.ok(isLovageError(outcome.error));
        const shown = inspect(outcome.error, { depth: 10, maxStringLength: 100_000 });
        assert.ok(!shown.includes(secret), "an error shows what it must not");
      }
      assert.doesNotMatch(broker.address, /\/\/[^/@]*:[^/@]+@/, "an address shows a password");
    },
  },
]);
