import assert from "node:assert/strict";
import { inGroup } from "../scenario.ts";
import { rejectsWith } from "./codes.ts";
import type { BrokerScenario } from "./context.ts";
import { ack, type Inbox } from "./inbox.ts";

export const pause: readonly BrokerScenario[] = inGroup(
  "pause",
  [
    {
      id: "stops-new-deliveries",
      invariants: ["I-26"],
      promise: "Pausing stops new deliveries on all connections within a second; resuming continues with nothing lost.",
      requires: (capabilities) => capabilities.pause,
      async run(c) {
        const queue = await c.queue();
        const broker = await c.broker();
        const consumers = [await c.connect(), await c.connect()];
        const inboxes: Inbox[] = [];
        for (const consumer of consumers)
          inboxes.push(await c.consume(queue, { broker: consumer, credit: 5, onDelivery: ack }));
        await broker.pause(queue);
        assert.equal((await broker.depth(queue)).paused, true);
        await c.elapse(1_000);
        const ids = await c.publish(c.messages(queue, 6));
        const late = await c.consume(queue, { broker: await c.connect(), onDelivery: ack });
        inboxes.push(late);
        const seen = (): string[] => inboxes.flatMap((inbox) => inbox.ids);
        await c.quiet("delivered while paused", () => seen().length > 0);
        await broker.resume(queue);
        await c.until("all to be delivered", () => seen().length === ids.length);
        assert.deepEqual(seen().sort(), [...ids].sort());
        assert.equal((await broker.depth(queue)).paused, false);
      },
    },
    {
      id: "leaves-owned-messages-alone",
      invariants: ["I-26"],
      promise: "What is owned when a queue is paused stays owned and is renewed and settled as ever.",
      requires: (capabilities) => capabilities.pause,
      async run(c) {
        const queue = await c.queue();
        const broker = await c.broker();
        await c.publish(c.messages(queue, 3));
        const inbox = await c.consume(queue, { credit: 3 });
        const [first, second, third] = await inbox.take(3);
        await broker.pause(queue);
        assert.equal(await first?.renew(), "done");
        assert.equal(await first?.ack(), "done");
        assert.equal(await second?.release(), "done");
        assert.equal(await third?.requeue(), "done");
        await c.depth(queue, { ready: 2, owned: 0 });
        await broker.resume(queue);
        await inbox.has(5);
        for (const delivery of inbox.deliveries.slice(3)) assert.equal(await delivery.ack(), "done");
      },
    },
    {
      id: "survives-a-restart",
      together: false,
      invariants: ["I-26"],
      promise: "A paused queue is still paused after the broker was restarted.",
      requires: (capabilities) => capabilities.pause && capabilities.durable !== "none",
      needs: ["restart"],
      async run(c) {
        const queue = await c.queue();
        await (await c.broker()).pause(queue);
        await c.publishOne(queue);
        await c.harness.faults?.restart?.();
        const broker = await c.connect();
        assert.equal((await broker.depth(queue)).paused, true);
        const inbox = await c.consume(queue, { broker, onDelivery: ack });
        await c.quiet("delivered while paused", () => inbox.deliveries.length > 0);
        await broker.resume(queue);
        await inbox.has(1);
      },
    },
    {
      id: "is-missing",
      invariants: ["I-26"],
      promise: "Where pausing is not the broker's, asking for it says so.",
      requires: (capabilities) => !capabilities.pause,
      async run(c) {
        const queue = await c.queue();
        const broker = await c.broker();
        await rejectsWith("CAPABILITY_MISSING", () => broker.pause(queue));
        await rejectsWith("CAPABILITY_MISSING", () => broker.resume(queue));
        assert.notEqual((await broker.depth(queue)).paused, true);
      },
    },
  ],
  { together: true },
);
