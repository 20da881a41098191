import assert from "node:assert/strict";
import { ENVELOPE_VERSION, type Headers } from "@lovage/core/contracts";
import { inGroup } from "../scenario.ts";
import type { BrokerScenario } from "./context.ts";

/** Of a library that does not exist yet. */
const NEWER: Headers = { task: "t", v: ENVELOPE_VERSION + 1, "future.flag": true, "future.place": 7 };

export const versions: readonly BrokerScenario[] = inGroup("versions", [
  {
    id: "newer-envelopes-pass",
    invariants: ["I-60", "I-9"],
    promise:
      "A message of a newer version is carried like any other, with all its headers, through delay, requeue and release: brokers do not judge.",
    async run(c) {
      const queue = await c.queue();
      await c.publishOne(queue, { headers: NEWER, dueAt: Date.now() + 20 });
      const inbox = await c.consume(queue);
      const patience = c.tolerance.patienceMs + c.capabilities.delayResolutionMs;
      const hops = [
        (delivery: Awaited<ReturnType<typeof inbox.next>>) => delivery.requeue(),
        (delivery: Awaited<ReturnType<typeof inbox.next>>) => delivery.requeue({ delayMs: 20 }),
        (delivery: Awaited<ReturnType<typeof inbox.next>>) => delivery.release(),
        (delivery: Awaited<ReturnType<typeof inbox.next>>) => delivery.ack(),
      ];
      for (const hop of hops) {
        const delivery = await inbox.next(patience);
        assert.deepEqual({ ...delivery.message.headers }, { ...NEWER });
        assert.equal(await hop(delivery), "done");
      }
    },
  },
  {
    id: "newer-envelopes-are-set-aside-whole",
    invariants: ["I-60", "I-38", "I-41"],
    promise:
      "Set aside by a reader that is too old, such a message is kept whole, and is as it was for the newer reader that it is redriven to.",
    requires: ({ deadLetterBrowse }) => deadLetterBrowse,
    async run(c) {
      const queue = await c.queue();
      const broker = await c.broker();
      const body = Uint8Array.of(0, 255, 1, 254);
      const old = await c.own(queue, { headers: NEWER, body });
      assert.equal(await old.deadLetter({ code: "undecodable", details: "newer than this reader" }), "done");
      const [letter] = await broker.deadLetters(queue);
      assert.deepEqual({ ...letter?.headers }, { ...NEWER });
      assert.equal(await broker.redrive(queue, [old.message.id]), 1);
      const { message } = await (await c.consume(queue)).next();
      assert.deepEqual({ ...message.headers }, { ...NEWER });
      assert.ok(Buffer.from(message.body as Uint8Array).equals(Buffer.from(body)));
    },
  },
]);
