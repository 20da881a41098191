import assert from "node:assert/strict";
import { type Payload, payloadBytes } from "@lovage/core/contracts";
import { inGroup } from "../scenario.ts";
import { rejectsWith } from "./codes.ts";
import type { BrokerScenario } from "./context.ts";
import { ack } from "./inbox.ts";

const MEBIBYTE = 1024 * 1024;
/** A body above the limit must be made to be refused: not where the limit is larger than this. */
const LARGEST_MADE = 64 * MEBIBYTE;

const bytes = (payload: Payload): Buffer => Buffer.from(payload as string);

export const publish: readonly BrokerScenario[] = inGroup("publish", [
  {
    id: "accepted-is-delivered",
    invariants: ["I-1", "I-2"],
    promise: "A message that was accepted is delivered, with its id, headers, body and priority.",
    async run(c) {
      const queue = await c.queue();
      const sent = await c.publishOne(queue, { body: '[["a",1]]', priority: 5, headers: { task: "pages.fetch" } });
      const delivery = await (await c.consume(queue)).next();
      assert.equal(delivery.message.id, sent.id);
      assert.equal(delivery.queue, queue);
      assert.equal(delivery.message.headers.task, "pages.fetch");
      assert.deepEqual(bytes(delivery.message.body), bytes(sent.body));
      assert.equal(delivery.redelivered, false);
      if (c.capabilities.priority !== "none") assert.equal(delivery.message.priority, 5);
      assert.equal(await delivery.ack(), "done");
    },
  },
  {
    id: "outcome-per-message-in-order",
    invariants: ["I-1", "I-7"],
    promise: "A batch resolves with one outcome per message, in the order given; an empty batch with none.",
    async run(c) {
      const queue = await c.queue();
      const broker = await c.broker();
      assert.deepEqual(await broker.publish([]), []);
      const messages = c.messages(queue, 300);
      const outcomes = await broker.publish(messages);
      assert.deepEqual(
        outcomes.map(({ id, status }) => [id, status]),
        messages.map(({ id }) => [id, "accepted"]),
      );
      await c.depth(queue, { ready: 300 });
    },
  },
  {
    id: "parallel-calls-keep-order",
    invariants: ["I-7", "I-27"],
    promise: "Calls made in one tick each get their own outcomes, and their messages keep the order of the calls.",
    async run(c) {
      const queue = await c.queue();
      const batches = Array.from({ length: 20 }, (_, index) => c.messages(queue, 1 + (index % 3)));
      const ids = (await Promise.all(batches.map((batch) => c.publish(batch)))).flat();
      const inbox = await c.consume(queue, { credit: 1, onDelivery: ack });
      await inbox.has(ids.length);
      assert.deepEqual(inbox.ids, ids);
    },
  },
  {
    id: "bytes-arrive-identical",
    invariants: ["I-8"],
    promise: "Bodies arrive byte for byte: empty, one zero byte, every byte value, invalid UTF-8, any text, 1 MiB.",
    async run(c) {
      const queue = await c.queue();
      const everyByte = Uint8Array.from({ length: 256 }, (_, value) => value);
      const large = Math.min(MEBIBYTE, c.capabilities.maxMessageBytes);
      const bodies: readonly Payload[] = [
        "",
        new Uint8Array(0),
        new Uint8Array(1),
        everyByte,
        Uint8Array.of(0xc3, 0x28, 0xff, 0xfe, 0x80),
        "größer, 漢字, 🌿, \u0000 and \u2028",
        Uint8Array.from({ length: large }, (_, index) => (index * 31) % 251),
        "x".repeat(large),
      ];
      for (const body of bodies) await c.publishOne(queue, { body });
      const inbox = await c.consume(queue, { credit: 1, onDelivery: ack });
      await inbox.has(bodies.length);
      for (const [index, body] of bodies.entries()) {
        const arrived = inbox.deliveries[index]?.message.body ?? "absent";
        assert.ok(bytes(arrived).equals(bytes(body)), `body ${index} (${payloadBytes(body)} bytes) arrives identical`);
      }
    },
  },
  {
    id: "is-a-copy",
    invariants: ["I-8"],
    promise: "What is stored is what was given: reusing the buffer and headers afterwards changes nothing.",
    async run(c) {
      const queue = await c.queue();
      const body = Uint8Array.of(1, 2, 3);
      const headers: { task: string; note: string } = { task: "conformance", note: "before" };
      await c.publishOne(queue, { body, headers });
      body.fill(9);
      headers.note = "after";
      const { message } = await (await c.consume(queue)).next();
      assert.deepEqual([...bytes(message.body)], [1, 2, 3]);
      assert.equal(message.headers.note, "before");
    },
  },
  {
    id: "headers-round-trip",
    invariants: ["I-9"],
    promise: "Headers arrive with their types and values, unknown ones of a newer version included.",
    async run(c) {
      const queue = await c.queue();
      const headers = {
        task: "images.thumbnail",
        attempt: 3,
        root: "r-1",
        groupIndex: 0,
        result: false,
        expiresAt: 4_102_444_800_000,
        "acme.tenant": "größe/🌿",
        "future.flag": true,
        "future.ratio": -0.5,
        "acme.empty": "",
      } as const;
      await c.publishOne(queue, { headers });
      const { message } = await (await c.consume(queue)).next();
      assert.deepEqual({ ...message.headers }, headers);
    },
  },
  {
    id: "unknown-queue-is-not-swallowed",
    invariants: ["I-4", "I-6"],
    promise:
      "Publishing to a queue that was never declared is refused, or creates it; it is never accepted and dropped.",
    async run(c) {
      const queue = c.name();
      const broker = await c.broker();
      const known = await c.queue();
      const [lost, kept] = await broker.publish([c.message(queue), c.message(known)]);
      assert.equal(kept?.status, "accepted", "a refused message does not refuse its neighbours");
      if (lost?.status === "refused") {
        assert.equal(lost.error.code, "QUEUE_NOT_FOUND");
        await rejectsWith("QUEUE_NOT_FOUND", () => broker.consume({ queue, credit: 1 }, () => {}));
        return;
      }
      assert.equal(lost?.status, "accepted");
      const delivery = await (await c.consume(queue)).next();
      assert.equal(delivery.message.id, lost.id);
    },
  },
  {
    id: "too-large-is-refused",
    invariants: ["I-4", "I-8"],
    promise:
      "A body above maxMessageBytes is refused with its own error and never delivered; its neighbours are accepted.",
    requires: ({ maxMessageBytes }) => maxMessageBytes <= LARGEST_MADE,
    async run(c) {
      const queue = await c.queue();
      const limit = c.capabilities.maxMessageBytes;
      const [before, huge, after] = await (await c.broker()).publish([
        c.message(queue),
        c.message(queue, { body: new Uint8Array(limit + 1) }),
        c.message(queue),
      ]);
      assert.deepEqual([before?.status, huge?.status, after?.status], ["accepted", "refused", "accepted"]);
      assert.ok(huge?.status === "refused" && huge.error.code === "BODY_TOO_LARGE", "the error says what is wrong");
      const inbox = await c.consume(queue, { credit: 1, onDelivery: ack });
      await inbox.has(2);
      await c.depth(queue, { ready: 0, owned: 0 });
      assert.deepEqual(inbox.ids, [before?.id, after?.id]);
    },
  },
  {
    id: "priority-is-never-refused",
    invariants: ["I-29"],
    promise: "A priority out of range, or not whole, is brought into range; the message is accepted.",
    async run(c) {
      const queue = await c.queue();
      for (const priority of [42, -3, 4.6]) await c.publishOne(queue, { priority });
      const inbox = await c.consume(queue, { credit: 10 });
      for (const { message } of await inbox.take(3)) {
        assert.ok(Number.isInteger(message.priority) && message.priority >= 0 && message.priority <= 9);
      }
    },
  },
  {
    id: "duplicate-while-present",
    invariants: ["I-5"],
    promise:
      "While a message is present (waiting, delayed or owned), publishing its id again is told duplicate, and there is one.",
    requires: ({ dedupe }) => dedupe === "while-present",
    async run(c) {
      const queue = await c.queue();
      const broker = await c.broker();
      const status = async (...messages: ReturnType<typeof c.message>[]): Promise<string[]> =>
        (await broker.publish(messages)).map((outcome) => outcome.status);
      const twin = c.message(queue);
      assert.deepEqual(await status(twin, twin), ["accepted", "duplicate"], "within one batch");
      assert.deepEqual(await status(twin), ["duplicate"], "while ready");
      const delayed = c.message(queue, { dueAt: Date.now() + 3_600_000 });
      assert.deepEqual(
        [...(await status(delayed)), ...(await status(delayed))],
        ["accepted", "duplicate"],
        "while delayed",
      );
      const inbox = await c.consume(queue, { credit: 10 });
      const delivery = await inbox.next();
      assert.deepEqual(await status(twin), ["duplicate"], "while owned");
      await delivery.ack();
      assert.deepEqual(await status(twin), ["accepted"], "once it is gone");
      assert.equal((await inbox.next()).message.id, twin.id);
      assert.equal(inbox.deliveries.length, 2);
    },
  },
  {
    id: "duplicate-within-window",
    invariants: ["I-5"],
    promise: "Within the window, publishing an id again is told duplicate, and there is one.",
    requires: ({ dedupe }) => dedupe === "window",
    async run(c) {
      const queue = await c.queue();
      const twin = c.message(queue);
      const statuses: string[] = [];
      for (let time = 0; time < 3; time += 1) {
        statuses.push(...(await (await c.broker()).publish([twin])).map((outcome) => outcome.status));
      }
      assert.deepEqual(statuses, ["accepted", "duplicate", "duplicate"]);
      const inbox = await c.consume(queue, { credit: 10, onDelivery: ack });
      await inbox.has(1);
      await c.quiet("a second copy was delivered", () => inbox.deliveries.length > 1);
    },
  },
  {
    id: "duplicates-are-not-recognised",
    invariants: ["I-5"],
    promise:
      "Where duplicates are not recognised, a message is delivered at most as often as it was published, and at least once.",
    requires: ({ dedupe }) => dedupe === "none",
    async run(c) {
      const queue = await c.queue();
      const twin = c.message(queue);
      await c.publish([twin]);
      await c.publish([twin]);
      const inbox = await c.consume(queue, { credit: 10, onDelivery: ack });
      await inbox.has(1);
      await c.quiet("more copies than publishes", () => inbox.deliveries.length > 2);
    },
  },
  {
    id: "full-refuses-and-drains",
    invariants: ["I-1", "I-52"],
    promise: "A full broker refuses with its own error and evicts nothing; consuming and settling still work.",
    needs: ["fill"],
    async run(c) {
      const queue = await c.queue();
      const ids = await c.publish(c.messages(queue, 5));
      const empty = await c.harness.faults?.fill?.();
      c.cleanup(async () => empty?.());
      const [outcome] = await (await c.broker()).publish([c.message(queue)]);
      assert.ok(outcome?.status === "refused", `refused, not ${outcome?.status}`);
      assert.match(outcome.error.code, /^BROKER_(FULL|BLOCKED)$/);
      const inbox = await c.consume(queue, { credit: 10 });
      for (const delivery of await inbox.take(5)) assert.equal(await delivery.ack(), "done");
      assert.deepEqual([...inbox.ids].sort(), [...ids].sort());
    },
  },
]);
