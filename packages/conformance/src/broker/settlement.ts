import assert from "node:assert/strict";
import type { Delivery, Settlement } from "@lovage/core/contracts";
import { inGroup } from "../scenario.ts";
import type { BrokerScenario } from "./context.ts";

const KINDS: Readonly<Record<string, (delivery: Delivery) => Promise<Settlement>>> = {
  ack: (delivery) => delivery.ack(),
  requeue: (delivery) => delivery.requeue(),
  release: (delivery) => delivery.release(),
  "dead-letter": (delivery) => delivery.deadLetter({ code: "failed" }),
};

export const settlement: readonly BrokerScenario[] = inGroup("settlement", [
  {
    id: "ack-removes",
    invariants: ["I-17"],
    promise: "Once an ack has resolved with done, the message is gone for every connection.",
    async run(c) {
      const queue = await c.queue();
      const delivery = await c.own(queue);
      assert.equal(await delivery.ack(), "done");
      await c.depth(queue, { ready: 0, delayed: 0, owned: 0, dead: 0 });
      await c.nothingReady(queue);
    },
  },
  {
    id: "first-settlement-wins",
    invariants: ["I-19"],
    promise: "A second settlement of any kind gets the first one's answer and changes nothing.",
    async run(c) {
      const queue = await c.queue();
      for (const [first, settle] of Object.entries(KINDS)) {
        const delivery = await c.own(queue);
        const answers = [settle(delivery), ...Object.values(KINDS).map((again) => again(delivery))];
        assert.deepEqual([...new Set(await Promise.all(answers))], ["done"], `after ${first}`);
        assert.equal(await delivery.ack(), "done");
        const back = first === "requeue" || first === "release";
        await c.depth(queue, { ready: back ? 1 : 0, owned: 0, delayed: 0 });
        if (!back) continue;
        const again = await c.consume(queue);
        assert.equal(await (await again.next()).ack(), "done");
        await again.consumption.stop();
      }
    },
  },
  {
    id: "one-tick-of-settlements",
    invariants: ["I-17", "I-38"],
    promise: "Many settlements of all kinds asked in one tick each take their own effect.",
    async run(c) {
      const queue = await c.queue();
      await c.publish(c.messages(queue, 80));
      const inbox = await c.consume(queue, { credit: 80 });
      const deliveries = await inbox.take(80);
      await inbox.consumption.stop();
      const kinds = Object.values(KINDS);
      const answers = await Promise.all(deliveries.map((delivery, index) => kinds[index % 4]?.(delivery)));
      assert.deepEqual([...new Set(answers)], ["done"]);
      await c.depth(queue, { ready: 40, owned: 0, delayed: 0, dead: 20 });
    },
  },
  {
    id: "requeue-carries-new-headers",
    invariants: ["I-34", "I-35", "I-9"],
    promise: "Requeue makes the message ready again with the headers given, and the same id, body and priority.",
    async run(c) {
      const queue = await c.queue();
      const first = await c.own(queue, { body: "[[7]]", priority: 8, headers: { task: "t", "acme.tenant": "x" } });
      const headers = { ...first.message.headers, attempt: 2, "future.flag": true };
      assert.equal(await first.requeue({ headers }), "done");
      const second = await (await c.consume(queue)).next();
      assert.equal(second.message.id, first.message.id);
      assert.deepEqual(
        { ...second.message.headers },
        { task: "t", "acme.tenant": "x", attempt: 2, "future.flag": true },
      );
      assert.equal(Buffer.from(second.message.body as string).toString(), "[[7]]");
      if (c.capabilities.priority !== "none") assert.equal(second.message.priority, 8);
    },
  },
  {
    id: "requeue-keeps-headers",
    invariants: ["I-9", "I-34"],
    promise: "Requeue without headers keeps the message's own.",
    async run(c) {
      const queue = await c.queue();
      const headers = { task: "t", attempt: 4, "acme.tenant": "x" };
      const first = await c.own(queue, { headers });
      await first.requeue();
      const second = await (await c.consume(queue)).next();
      assert.deepEqual({ ...second.message.headers }, headers);
    },
  },
  {
    id: "a-hundred-requeues",
    invariants: ["I-36"],
    promise: "A message survives a hundred requeues, and carries its attempt through all of them.",
    async run(c) {
      const queue = await c.queue();
      await c.publishOne(queue);
      const inbox = await c.consume(queue);
      for (let attempt = 1; attempt <= 100; attempt += 1) {
        const delivery = await inbox.next();
        assert.equal(delivery.message.headers.attempt ?? 1, attempt);
        const headers = { ...delivery.message.headers, attempt: attempt + 1 };
        assert.equal(await delivery.requeue({ headers, delayMs: attempt % 10 === 0 ? 1 : 0 }), "done");
      }
      assert.equal(await (await inbox.next()).ack(), "done");
    },
  },
  {
    id: "release-is-untouched-and-unblamed",
    invariants: ["I-22"],
    promise: "Release makes the message available at once, to anyone, with its headers as they were.",
    async run(c) {
      const queue = await c.queue();
      const headers = { task: "t", attempt: 2 };
      const first = await c.own(queue, { headers });
      const other = await c.consume(queue, { broker: await c.connect() });
      const releasedAt = performance.now();
      assert.equal(await first.release(), "done");
      const second = await other.next();
      assert.ok(performance.now() - releasedAt < 1_000 + c.tolerance.slackMs, "at once, not after a lease");
      assert.deepEqual({ ...second.message.headers }, headers);
      assert.equal(await second.ack(), "done");
    },
  },
  {
    id: "starts-are-counted",
    invariants: ["I-22", "I-39"],
    promise: "A start that was marked is known to the next holder; a release takes it back, a requeue begins anew.",
    requires: ({ countsStarts }) => countsStarts,
    async run(c) {
      const queue = await c.queue();
      await c.publishOne(queue);
      const inbox = await c.consume(queue);
      const first = await inbox.next();
      assert.equal(first.starts ?? 0, 0);
      assert.equal(await first.markStarted(), "done");
      await first.release();
      const second = await inbox.next();
      assert.equal(second.starts, 0, "a released start is not held against the message");
      await second.markStarted();
      await second.requeue();
      const third = await inbox.next();
      assert.equal(third.starts, 0, "a new attempt begins anew");
      await third.ack();
    },
  },
  {
    id: "starts-are-not-counted",
    invariants: ["I-39"],
    promise: "Where starts are not counted, marking one says done and no delivery tells a number.",
    requires: ({ countsStarts }) => !countsStarts,
    async run(c) {
      const queue = await c.queue();
      await c.publishOne(queue);
      const inbox = await c.consume(queue);
      const first = await inbox.next();
      assert.equal(await first.markStarted(), "done");
      assert.equal(first.starts, undefined);
      await first.release();
      assert.equal((await inbox.next()).starts, undefined);
    },
  },
  {
    id: "deliveries-are-counted",
    invariants: ["I-21"],
    promise: "Every delivery says which hand-over of its message it is, from 1.",
    requires: ({ countsDeliveries }) => countsDeliveries,
    async run(c) {
      const queue = await c.queue();
      await c.publishOne(queue);
      const inbox = await c.consume(queue);
      for (let count = 1; count <= 4; count += 1) {
        const delivery = await inbox.next();
        assert.equal(delivery.deliveryCount, count);
        assert.equal(delivery.redelivered, count > 1);
        await delivery.release();
      }
    },
  },
  {
    id: "deliveries-are-not-counted",
    invariants: ["I-21"],
    promise: "Where deliveries are not counted on every delivery, a number that is given is still true.",
    requires: ({ countsDeliveries }) => !countsDeliveries,
    async run(c) {
      const queue = await c.queue();
      await c.publishOne(queue);
      const inbox = await c.consume(queue);
      for (let count = 1; count <= 3; count += 1) {
        const delivery = await inbox.next();
        assert.ok(delivery.deliveryCount === undefined || delivery.deliveryCount === count);
        await delivery.release();
      }
    },
  },
  {
    id: "settles-after-stop",
    invariants: ["I-13", "I-17"],
    promise: "What a stopped consumption holds stays ours and can be settled.",
    async run(c) {
      const queue = await c.queue();
      await c.publish(c.messages(queue, 2));
      const inbox = await c.consume(queue, { credit: 2 });
      const [first, second] = await inbox.take(2);
      await inbox.consumption.stop();
      assert.equal(inbox.consumption.unsettled, 2);
      assert.equal(await first?.ack(), "done");
      assert.equal(await second?.requeue(), "done");
      assert.equal(inbox.consumption.unsettled, 0);
      await c.depth(queue, { ready: 1, owned: 0 });
    },
  },
]);
