import assert from "node:assert/strict";
import { inGroup } from "../scenario.ts";
import { startContender } from "./contender-process.ts";
import type { BrokerScenario } from "./context.ts";
import { ack, type Inbox } from "./inbox.ts";

export const contention: readonly BrokerScenario[] = inGroup("contention", [
  {
    id: "connections-share-without-overlap",
    invariants: ["I-10", "I-11"],
    promise: "Several connections drain a queue together; without faults each message is delivered exactly once.",
    async run(c) {
      const queue = await c.queue({ leaseMs: 30_000 });
      const total = 2_000;
      const inboxes: Inbox[] = [];
      for (let worker = 0; worker < 4; worker += 1) {
        inboxes.push(await c.consume(queue, { broker: await c.connect(), credit: 16, onDelivery: ack }));
      }
      const ids: string[] = [];
      for (let batch = 0; batch < total / 100; batch += 1) ids.push(...(await c.publish(c.messages(queue, 100))));
      const seen = (): string[] => inboxes.flatMap((inbox) => inbox.ids);
      await c.until("all to be delivered", () => seen().length >= total);
      await c.depth(queue, { ready: 0, owned: 0 });
      assert.deepEqual(seen().sort(), ids.sort());
    },
  },
  {
    id: "processes-share-without-overlap",
    invariants: ["I-10", "I-11"],
    promise:
      "Several processes drain a queue together; without faults each message is delivered and acked exactly once.",
    needs: ["spawn"],
    requires: ({ shared }) => shared,
    timeoutMs: 60_000,
    async run(c) {
      const queue = await c.queue({ leaseMs: 30_000 });
      const total = 2_000;
      const processes = [1, 2].map(() => startContender(c, { role: "drain", queue, credit: 16 }));
      for (const contender of processes) await contender.said("ready");
      const here = await c.consume(queue, { credit: 16, onDelivery: ack });
      const ids: string[] = [];
      for (let batch = 0; batch < total / 100; batch += 1) ids.push(...(await c.publish(c.messages(queue, 100))));
      const seen = (): string[] => [...here.ids, ...processes.flatMap((contender) => contender.ids("delivered"))];
      await c.until("all to be delivered", () => seen().length >= total, c.tolerance.patienceMs * 2);
      for (const contender of processes) await contender.finish();
      await c.depth(queue, { ready: 0, owned: 0 });
      assert.deepEqual(seen().sort(), ids.sort());
      const acked = processes.flatMap((contender) => contender.ids("acked"));
      assert.deepEqual(
        acked.sort(),
        seen()
          .filter((id) => !here.ids.includes(id))
          .sort(),
      );
    },
  },
  {
    id: "killed-holder",
    invariants: ["I-2", "I-21", "I-39"],
    promise:
      "What a process held when it was killed is delivered again, marked as redelivered, within a lease and a second, or within a second where it goes with the connection; what it had acked is not.",
    needs: ["spawn"],
    requires: ({ shared }) => shared,
    timeoutMs: 60_000,
    async run(c) {
      const queue = await c.queue();
      const lapseMs = c.capabilities.ownership === "connection" ? 0 : c.leaseMs;
      const ids = await c.publish(c.messages(queue, 20));
      const holder = startContender(c, { role: "hold", queue, credit: 8 });
      await c.until("it to hold its credit", () => holder.ids("delivered").length === 8, c.tolerance.patienceMs * 2);
      await holder.kill();
      const killedAt = performance.now();
      const inbox = await c.consume(queue, { credit: 4, onDelivery: ack });
      await inbox.has(20, c.leaseMs + c.tolerance.patienceMs);
      const took = performance.now() - killedAt;
      assert.ok(took <= lapseMs + 1_000 + c.tolerance.slackMs, `it took ${Math.round(took)} ms`);
      assert.deepEqual([...inbox.ids].sort(), [...ids].sort());
      const held = new Set(holder.ids("delivered"));
      for (const delivery of inbox.deliveries) assert.equal(delivery.redelivered, held.has(delivery.message.id));
      await c.depth(queue, { ready: 0, owned: 0 });
    },
  },
  {
    id: "killed-drainer",
    invariants: ["I-2", "I-17", "I-21"],
    promise:
      "A process killed in full flight loses nothing: all is delivered in the end, and nothing comes again that it knew to be acked.",
    needs: ["spawn"],
    requires: ({ shared, durable }) => shared && durable !== "none",
    timeoutMs: 60_000,
    async run(c) {
      const queue = await c.queue();
      const ids: string[] = [];
      for (let batch = 0; batch < 20; batch += 1) ids.push(...(await c.publish(c.messages(queue, 100))));
      const drainer = startContender(c, { role: "drain", queue, credit: 10 });
      await c.until("it to be under way", () => drainer.ids("acked").length >= 50, c.tolerance.patienceMs * 2);
      await drainer.kill();
      const inbox = await c.consume(queue, { credit: 50, onDelivery: ack });
      const seen = (): Set<string> => new Set([...inbox.ids, ...drainer.ids("delivered")]);
      await c.until("all to be delivered", () => seen().size === ids.length, c.leaseMs + c.tolerance.patienceMs);
      await c.depth(queue, { ready: 0, owned: 0 });
      const acked = new Set(drainer.ids("acked"));
      assert.deepEqual(
        inbox.ids.filter((id) => acked.has(id)),
        [],
      );
      assert.equal(new Set(inbox.ids).size, inbox.ids.length, "each once");
    },
  },
  {
    id: "killed-publisher",
    invariants: ["I-2", "I-3"],
    promise: "Whatever a process was told is accepted is there after it was killed.",
    needs: ["spawn"],
    requires: ({ shared, durable }) => shared && durable !== "none",
    timeoutMs: 60_000,
    async run(c) {
      const queue = await c.queue();
      const publisher = startContender(c, { role: "publish", queue, credit: 0 });
      await c.until("it to publish", () => publisher.ids("accepted").length >= 100, c.tolerance.patienceMs * 2);
      await publisher.kill();
      const accepted = publisher.ids("accepted");
      const inbox = await c.consume(queue, { credit: 50, onDelivery: ack });
      await c.until("all to be delivered", () => accepted.every((id) => inbox.ids.includes(id)));
      assert.equal(new Set(inbox.ids).size, inbox.ids.length, "each once");
    },
  },
  {
    id: "one-process-shares-too",
    invariants: ["I-10", "I-11"],
    promise:
      "Where other processes cannot reach the queues, connections of this one share them: declared, published and revoked by one, seen by all.",
    requires: ({ shared }) => !shared,
    async run(c) {
      const queue = await c.queue();
      const [producer, consumer] = [await c.connect(), await c.connect()];
      assert.ok((await producer.queues()).includes(queue));
      const [gone, kept] = await c.publish(c.messages(queue, 2), producer);
      await consumer.revoke([gone as string]);
      const inbox = await c.consume(queue, { broker: consumer, credit: 5, onDelivery: ack });
      await inbox.has(1);
      assert.deepEqual(inbox.ids, [kept]);
    },
  },
]);
