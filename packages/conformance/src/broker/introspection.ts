import assert from "node:assert/strict";
import { inGroup } from "../scenario.ts";
import { rejectsWith } from "./codes.ts";
import type { BrokerContext, BrokerScenario } from "./context.ts";

const HOUR_MS = 3_600_000;
const PARTS = ["ready", "delayed", "owned", "dead"] as const;

type Part = (typeof PARTS)[number];

/** One message of each kind: ready, delayed, owned and dead. */
async function oneOfEach(c: BrokerContext): Promise<string> {
  const queue = await c.queue();
  await (await c.own(queue)).deadLetter({ code: "failed" });
  await c.own(queue);
  await c.publishOne(queue);
  await c.publishOne(queue, { dueAt: Date.now() + HOUR_MS });
  return queue;
}

const tells = (part: Part): Omit<BrokerScenario, "group"> => ({
  id: `depth-tells-${part}`,
  invariants: ["I-46"],
  promise: `The number of ${part} messages is told, apart from the others.`,
  requires: ({ depth }) => depth[part],
  async run(c) {
    await c.depth(await oneOfEach(c), { [part]: 1 });
  },
});

const cannotTell = (part: Part): Omit<BrokerScenario, "group"> => ({
  id: `depth-cannot-tell-${part}`,
  invariants: ["I-46"],
  promise: `Where the number of ${part} messages is not known, it is undefined: never 0, never a guess.`,
  requires: ({ depth }) => !depth[part],
  async run(c) {
    const broker = await c.broker();
    assert.equal((await broker.depth(await c.queue()))[part], undefined);
    assert.equal((await broker.depth(await oneOfEach(c)))[part], undefined);
  },
});

export const introspection: readonly BrokerScenario[] = inGroup("introspection", [
  {
    id: "depth-is-exact-when-idle",
    invariants: ["I-46", "I-2"],
    promise:
      "Depth tells ready, delayed, owned and dead messages apart, exactly when the queue is idle; what it cannot tell is undefined.",
    async run(c) {
      const queue = await c.queue();
      const broker = await c.broker();
      await c.publish(c.messages(queue, 9));
      await c.publish(c.messages(queue, 4, { dueAt: Date.now() + HOUR_MS }));
      const inbox = await c.consume(queue, { credit: 5 });
      const held = await inbox.take(5);
      await inbox.consumption.stop();
      await held[0]?.deadLetter({ code: "failed" });
      await held[1]?.deadLetter({ code: "failed" });
      await held[2]?.ack();
      await c.depth(queue, { ready: 4, delayed: 4, owned: 2, dead: 2 });
      const depth = await broker.depth(queue);
      for (const part of PARTS) {
        assert.equal(typeof depth[part], c.capabilities.depth[part] ? "number" : "undefined", `${part} as declared`);
      }
    },
  },
  ...PARTS.flatMap((part) => [tells(part), cannotTell(part)]),
  {
    id: "oldest-ready-age",
    together: true,
    invariants: ["I-47"],
    promise: "The age of the longest waiting ready message is right to a second; undefined when none waits.",
    requires: ({ oldestReadyAge }) => oldestReadyAge,
    async run(c) {
      const queue = await c.queue();
      const broker = await c.broker();
      assert.equal(await broker.oldestReadyAge(queue), undefined);
      await c.publish(c.messages(queue, 1, { dueAt: Date.now() + HOUR_MS }));
      assert.equal(await broker.oldestReadyAge(queue), undefined, "a delayed message does not wait");
      const before = performance.now();
      await c.publish(c.messages(queue, 1, { priority: 1 }));
      const after = performance.now();
      await c.elapse(500);
      await c.publish(c.messages(queue, 1, { priority: 9 }));
      const atLeast = performance.now() - after;
      const age = await broker.oldestReadyAge(queue);
      const atMost = performance.now() - before;
      assert.ok(
        age !== undefined && age >= atLeast - 250 && age <= atMost + 1_000,
        `${age} of ${Math.round(atLeast)} ms`,
      );
    },
  },
  {
    id: "oldest-ready-age-is-unknown",
    invariants: ["I-47"],
    promise: "Where ages cannot be told, the answer is undefined, never 0.",
    requires: ({ oldestReadyAge }) => !oldestReadyAge,
    async run(c) {
      const queue = await c.queue();
      await c.publishOne(queue);
      assert.equal(await (await c.broker()).oldestReadyAge(queue), undefined);
    },
  },
  {
    id: "queues-are-listed",
    invariants: ["I-46"],
    promise:
      "Declared queues are listed by name, sorted, on every connection; declaring is idempotent and safe in parallel.",
    async run(c) {
      const names = [c.name(), c.name(), c.name()];
      const connections = [await c.broker(), await c.connect()];
      await Promise.all(
        connections.flatMap((broker) =>
          [...names, ...names].map((name) => broker.ensureQueue({ name, leaseMs: c.leaseMs })),
        ),
      );
      for (const broker of connections) {
        const queues = await broker.queues();
        assert.deepEqual(queues, [...queues].sort());
        assert.deepEqual(
          queues.filter((name) => names.includes(name)),
          names,
        );
      }
    },
  },
  {
    id: "destroy-tells-what-it-destroyed",
    invariants: ["I-48", "I-55"],
    promise:
      "Destroying a queue reports what was in it; afterwards nothing of it is there, and a new one of the name is empty.",
    async run(c) {
      const queue = await c.queue();
      const broker = await c.broker();
      await c.publish(c.messages(queue, 3));
      const old = await c.publish(c.messages(queue, 2, { dueAt: Date.now() + HOUR_MS }));
      const depth = await broker.destroyQueue(queue);
      if (c.capabilities.depth.ready) assert.equal(depth.ready, 3);
      if (c.capabilities.depth.delayed) assert.equal(depth.delayed, 2);
      assert.ok(!(await broker.queues()).includes(queue));
      await rejectsWith("QUEUE_NOT_FOUND", () => broker.depth(queue));
      await broker.ensureQueue({ name: queue, leaseMs: c.leaseMs });
      await c.depth(queue, { ready: 0, delayed: 0, owned: 0, dead: 0 });
      if (c.capabilities.dedupe === "while-present") await c.publish(old.map((id) => c.message(queue, { id })));
    },
  },
  {
    id: "destroy-reaches-consumptions",
    invariants: ["I-48", "I-18"],
    promise:
      "When a queue is destroyed, its consumers on other connections are told, and settling what they held says lost.",
    async run(c) {
      const queue = await c.queue();
      const consumer = await c.connect();
      const events = c.events(consumer);
      await c.publish(c.messages(queue, 2));
      const inbox = await c.consume(queue, { broker: consumer, credit: 1 });
      const held = await inbox.next();
      await (await c.broker()).destroyQueue(queue);
      const lost = await events.next("queue-lost", undefined, { timeoutMs: c.tolerance.patienceMs });
      assert.equal(lost.queue, queue);
      if (c.capabilities.fenced) assert.equal(await held.ack(), "lost");
      else assert.match(await held.ack(), /^(done|lost)$/);
    },
  },
]);
