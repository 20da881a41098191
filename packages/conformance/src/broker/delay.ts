import assert from "node:assert/strict";
import { inGroup } from "../scenario.ts";
import type { BrokerContext, BrokerScenario } from "./context.ts";
import { ack } from "./inbox.ts";

const HOUR_MS = 3_600_000;

/** The instant of a delivery, on the clock that `dueAt` is on. */
function arrivals(at: Map<string, number>): (delivery: Parameters<typeof ack>[0]) => void {
  return (delivery) => {
    at.set(delivery.message.id, Date.now());
    ack(delivery);
  };
}

/** How late a delayed message may be. */
const lateness = (c: BrokerContext): number => c.capabilities.delayResolutionMs + 1_000 + c.tolerance.slackMs;

export const delay: readonly BrokerScenario[] = inGroup(
  "delay",
  [
    {
      id: "never-early-nor-late",
      invariants: ["I-30", "I-33"],
      promise: "A delayed message is never delivered before it is due, and soon after.",
      async run(c) {
        const queue = await c.queue();
        const at = new Map<string, number>();
        await c.consume(queue, { broker: await c.connect(), credit: 5, onDelivery: arrivals(at) });
        const start = Date.now();
        const messages = [1, 40, 120, 333, 700, 1_000].map((ms) => c.message(queue, { dueAt: start + ms }));
        await c.publish(messages);
        await c.until("all to be delivered", () => at.size === messages.length, c.tolerance.patienceMs + lateness(c));
        for (const { id, dueAt = 0 } of messages) {
          const late = (at.get(id) ?? 0) - dueAt;
          assert.ok(late >= 0, `due in ${dueAt - start} ms and ${-late} ms early`);
          assert.ok(late <= lateness(c), `due in ${dueAt - start} ms and ${late} ms late`);
        }
      },
    },
    {
      id: "past-is-ready",
      invariants: ["I-33"],
      promise: "A due time in the past, or now, means ready.",
      async run(c) {
        const queue = await c.queue();
        const now = Date.now();
        const ids = await c.publish([now, now - 1, now - HOUR_MS, 0].map((dueAt) => c.message(queue, { dueAt })));
        const inbox = await c.consume(queue, { credit: 10, onDelivery: ack });
        await inbox.has(4, 1_000 + lateness(c));
        assert.deepEqual([...inbox.ids].sort(), [...ids].sort());
      },
    },
    {
      id: "long-delays-are-kept",
      invariants: ["I-33"],
      promise: "Delays up to maxDelayMs are accepted and wait; nothing that long is delivered now.",
      async run(c) {
        const queue = await c.queue();
        const longest = c.capabilities.maxDelayMs;
        const delays = [24 * HOUR_MS, 25 * 24 * HOUR_MS, 365 * 24 * HOUR_MS, longest - HOUR_MS].filter(
          (ms) => ms < longest,
        );
        await c.publish(delays.map((ms) => c.message(queue, { dueAt: Date.now() + ms })));
        const inbox = await c.consume(queue, { credit: 10 });
        await c.depth(queue, { delayed: delays.length, ready: 0, owned: 0 });
        await c.quiet("delivered long before it is due", () => inbox.deliveries.length > 0);
      },
    },
    {
      id: "beyond-the-longest-is-refused",
      invariants: ["I-33", "I-4"],
      promise: "A delay beyond maxDelayMs is refused, and its neighbours are not.",
      requires: ({ maxDelayMs }) => Date.now() + maxDelayMs + HOUR_MS < Number.MAX_SAFE_INTEGER,
      async run(c) {
        const queue = await c.queue();
        const dueAt = Date.now() + c.capabilities.maxDelayMs + 24 * HOUR_MS;
        const [far, near] = await (await c.broker()).publish([c.message(queue, { dueAt }), c.message(queue)]);
        assert.deepEqual([far?.status, near?.status], ["refused", "accepted"]);
        await c.depth(queue, { delayed: 0, ready: 1 });
      },
    },
    {
      id: "uses-no-credit",
      invariants: ["I-31"],
      promise: "Delayed messages use no credit, and outlive the connection that published them.",
      async run(c) {
        const queue = await c.queue();
        const publisher = await c.connect();
        const due = Date.now() + 400;
        const delayed = await c.publish(c.messages(queue, 10, { dueAt: due }), publisher);
        await publisher.close();
        const inbox = await c.consume(queue, { credit: 1, onDelivery: ack });
        const now = await c.publishOne(queue);
        assert.equal((await inbox.next()).message.id, now.id, "a ready message passes them");
        await inbox.has(11, c.tolerance.patienceMs + lateness(c));
        assert.deepEqual([...inbox.ids.slice(1)].sort(), [...delayed].sort());
      },
    },
    {
      id: "comes-in-order-of-due-time",
      invariants: ["I-30"],
      promise: "Delayed messages become ready in the order of their due times, to the broker's resolution.",
      async run(c) {
        const queue = await c.queue();
        // One message may be late by the resolution and what else I-30 allows, and its neighbour not at all: in order comes what is further apart.
        const { delayResolutionMs } = c.capabilities;
        const step = delayResolutionMs <= 20 ? 40 : lateness(c);
        const start = Date.now() + step;
        const messages = [3, 1, 4, 0, 2].map((place) => c.message(queue, { dueAt: start + place * step }));
        await c.publish(messages);
        const inbox = await c.consume(queue, { credit: 1, onDelivery: ack });
        await inbox.has(5, c.tolerance.patienceMs + 5 * step + lateness(c));
        const expected = [...messages].sort((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0)).map(({ id }) => id);
        assert.deepEqual(inbox.ids, expected);
      },
    },
    {
      id: "requeue-with-delay",
      invariants: ["I-30", "I-34", "I-35"],
      promise: "Requeue with a delay makes the message ready after it, not before, with the new headers.",
      async run(c) {
        const queue = await c.queue();
        await c.publishOne(queue);
        const inbox = await c.consume(queue);
        const first = await inbox.next();
        const asked = Date.now();
        assert.equal(await first.requeue({ delayMs: 300, headers: { task: "conformance", attempt: 2 } }), "done");
        await c.depth(queue, { owned: 0 });
        const second = await inbox.next(c.tolerance.patienceMs + lateness(c));
        const passed = Date.now() - asked;
        assert.ok(passed >= 300, `came back after ${passed} ms`);
        assert.ok(passed <= 300 + lateness(c), `came back after ${passed} ms`);
        assert.equal(second.message.headers.attempt, 2);
        assert.equal(await second.ack(), "done");
      },
    },
    {
      id: "many-delayed-do-not-hold-up",
      together: false,
      invariants: ["I-32"],
      promise: "Many delayed messages do not stand in the way of ready ones.",
      async run(c) {
        const queue = await c.queue();
        for (let batch = 0; batch < 5; batch += 1) {
          await c.publish(c.messages(queue, 1_000, { dueAt: Date.now() + HOUR_MS, priority: 9 }));
        }
        const inbox = await c.consume(queue, { credit: 10, onDelivery: ack });
        const ids = await c.publish(c.messages(queue, 200, { priority: 0 }));
        await inbox.has(200);
        assert.deepEqual([...inbox.ids].sort(), [...ids].sort());
        await c.depth(queue, { delayed: 5_000 });
      },
    },
    {
      id: "skewed-producer",
      invariants: ["I-53", "I-30"],
      promise: "A producer whose clock is ten minutes off delays by as long as it asked.",
      needs: ["skew"],
      requires: ({ brokerClock }) => brokerClock,
      async run(c) {
        const queue = await c.queue();
        const at = new Map<string, number>();
        await c.consume(queue, { credit: 5, onDelivery: arrivals(at) });
        for (const clockOffsetMs of [-600_000, 600_000]) {
          const skewed = await c.connect({ clockOffsetMs });
          const asked = Date.now();
          const message = c.message(queue, { dueAt: asked + clockOffsetMs + 500 });
          await c.publish([message], skewed);
          await c.until("it to be delivered", () => at.has(message.id), c.tolerance.patienceMs + lateness(c));
          const passed = (at.get(message.id) ?? 0) - asked;
          assert.ok(passed >= 499 && passed <= 500 + lateness(c), `${clockOffsetMs} ms off: after ${passed} ms`);
        }
      },
    },
    {
      id: "skewed-producer-shifts",
      invariants: ["I-53"],
      promise:
        "Where due times follow the producer's clock, one that is behind makes its delays shorter by as much, and nothing is lost or refused.",
      needs: ["skew"],
      requires: ({ brokerClock }) => !brokerClock,
      async run(c) {
        const queue = await c.queue();
        const at = new Map<string, number>();
        await c.consume(queue, { credit: 5, onDelivery: arrivals(at) });
        const clockOffsetMs = -600_000;
        const skewed = await c.connect({ clockOffsetMs });
        const asked = Date.now();
        const message = c.message(queue, { dueAt: asked + clockOffsetMs + HOUR_MS / 10 });
        await c.publish([message], skewed);
        await c.until("it to be delivered", () => at.has(message.id), c.tolerance.patienceMs + lateness(c));
        assert.ok((at.get(message.id) ?? 0) - asked <= lateness(c), "it was due at once");
      },
    },
    {
      id: "requeue-with-any-delay",
      invariants: ["I-33", "I-34"],
      promise:
        "A requeue with a delay of 0, 1 ms, a day, 25 days or a year is done: the short ones come, the long ones wait.",
      async run(c) {
        const queue = await c.queue();
        const day = 24 * HOUR_MS;
        const delays = [0, 1, day, 25 * day, 365 * day].filter((ms) => ms <= c.capabilities.maxDelayMs);
        await c.publish(c.messages(queue, delays.length));
        const holder = await c.consume(queue, { credit: delays.length });
        const held = await holder.take(delays.length);
        await holder.consumption.stop();
        for (const [index, delivery] of held.entries()) {
          assert.equal(await delivery.requeue({ delayMs: delays[index] ?? 0 }), "done");
        }
        const soon = held.filter((_, index) => (delays[index] ?? 0) < HOUR_MS).map(({ message }) => message.id);
        const inbox = await c.consume(queue, { credit: 10, onDelivery: ack });
        await inbox.has(soon.length, c.tolerance.patienceMs + lateness(c));
        await c.depth(queue, { ready: 0, owned: 0, delayed: delays.length - soon.length });
        await c.quiet("delivered long before it is due", () => inbox.deliveries.length > soon.length);
        assert.deepEqual([...inbox.ids].sort(), [...soon].sort());
      },
    },
    {
      id: "a-hundred-retries",
      together: false,
      invariants: ["I-36", "I-35"],
      promise:
        "The same message through the delay path a hundred times comes a hundred times, with its attempt and headers.",
      timeoutMs: 300_000,
      async run(c) {
        const queue = await c.queue();
        await c.publishOne(queue, { headers: { task: "t", "acme.tenant": "x" } });
        const inbox = await c.consume(queue);
        for (let attempt = 1; attempt <= 100; attempt += 1) {
          const delivery = await inbox.next(c.tolerance.patienceMs + lateness(c));
          assert.equal(delivery.message.headers.attempt ?? 1, attempt);
          const headers = { ...delivery.message.headers, attempt: attempt + 1 };
          assert.equal(await delivery.requeue({ headers, delayMs: 1 }), "done");
        }
        const last = await inbox.next(c.tolerance.patienceMs + lateness(c));
        const { task, attempt, "acme.tenant": tenant, ...more } = last.message.headers;
        assert.deepEqual([task, attempt, tenant, more], ["t", 101, "x", {}], "and nothing that a server added");
        assert.equal(await last.ack(), "done");
      },
    },
  ],
  { together: true },
);
