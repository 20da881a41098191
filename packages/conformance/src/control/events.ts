import assert from "node:assert/strict";
import type { TaskEvent, WorkerIdentity } from "@lovage/core/contracts";
import { rejectsWith } from "../broker/codes.ts";
import type { BrokerScenario } from "../broker/context.ts";
import { channel, collect, worker } from "./participants.ts";

/** How late a process may learn of a listener. */
const LEARNT_WITHIN_MS = 1_000;

const event = (from: WorkerIdentity, number: number): TaskEvent => ({
  type: "task-received",
  at: number,
  worker: from.id,
  id: `${from.id}:${number}`,
  task: "conformance",
  queue: "none",
  attempt: 1,
});

export const events: readonly Omit<BrokerScenario, "group">[] = [
  {
    id: "events-reach-every-listener",
    invariants: ["I-58"],
    promise: "Events reach all who listen, in the order of each emitter, from the moment they listen until they stop.",
    async run(c) {
      const identity = worker(c);
      const emitter = await channel(c);
      const heard: string[][] = [[], []];
      const ends = [];
      for (const seen of heard) {
        const listener = await channel(c);
        ends.push(
          await listener.listen((events) => {
            for (const { worker: from, id } of events) if (from === identity.id) seen.push(id);
          }),
        );
      }
      await c.until("the listeners to be known", () => {
        emitter.emit([event(identity, -1)]);
        return heard.every((seen) => seen.length > 0);
      });
      const events = Array.from({ length: 50 }, (_, number) => event(identity, number));
      emitter.emit(events.slice(0, 20));
      emitter.emit(events.slice(20));
      const expected = events.map(({ id }) => id);
      const last = expected.at(-1) as string;
      await c.until("the last to arrive", () => heard.every((seen) => seen.includes(last)));
      for (const seen of heard)
        assert.deepEqual(
          seen.filter((id) => !id.endsWith(":-1")),
          expected,
        );
      await ends[0]?.();
      emitter.emit([event(identity, 50)]);
      await c.until("the other to hear more", () => heard[1]?.includes(`${identity.id}:50`) ?? false);
      assert.ok(!heard[0]?.includes(`${identity.id}:50`), "one that stopped hears nothing");
    },
  },
  {
    id: "knows-whether-anyone-listens",
    invariants: ["I-58"],
    promise:
      "A channel says within a second that someone listens on any connection, and after a while that nobody does any more.",
    async run(c) {
      const emitter = await channel(c);
      const listener = await channel(c);
      await c.until("nobody to listen", () => !emitter.listened);
      const end = await listener.listen(() => {});
      await c.until("it to be known", () => emitter.listened, 1_000 + c.tolerance.slackMs);
      await end();
      await c.until("nobody to listen again", () => !emitter.listened);
      await listener.listen(() => {});
      await c.until("the second listener to be known", () => emitter.listened, 1_000 + c.tolerance.slackMs);
      await listener.close();
      await c.until("a closed channel not to count", () => !emitter.listened);
    },
  },
  {
    id: "first-event-after-a-silence-is-heard",
    invariants: ["I-58"],
    promise:
      "A worker that has said nothing for a while knows within a second of a listener that has just begun: the first event that it emits then is heard within a second.",
    async run(c) {
      const identity = worker(c);
      const emitter = await channel(c);
      await emitter.serve(identity, () => undefined);
      await c.until("nobody to listen", () => !emitter.listened);
      emitter.emit([event(identity, 0)]);
      // Longer than a channel may believe what it has once learnt.
      await c.elapse(LEARNT_WITHIN_MS);
      const heard: string[] = [];
      await (await channel(c)).listen((events) => {
        for (const { worker: from, id } of events) if (from === identity.id) heard.push(id);
      });
      await c.elapse(LEARNT_WITHIN_MS + c.tolerance.slackMs);
      emitter.emit([event(identity, 1)]);
      await c.until("the first event to be heard", () => heard.length > 0, LEARNT_WITHIN_MS + c.tolerance.slackMs);
      assert.deepEqual(heard, [`${identity.id}:1`]);
    },
  },
  {
    id: "overload-drops-and-counts",
    invariants: ["I-58"],
    promise: "Emitting never blocks or throws; what cannot be kept is dropped and counted, and never silently.",
    async run(c) {
      const identity = worker(c);
      const emitter = await channel(c);
      let heard = 0;
      await (await channel(c)).listen((events) => {
        for (const { worker: from, attempt } of events) if (from === identity.id && attempt === 1) heard += 1;
      });
      await c.until("the listener to be known", () => {
        emitter.emit([{ ...event(identity, 0), attempt: 2 }, event(identity, 0)]);
        return heard > 0;
      });
      await c.quiet("the channel to settle", () => false);
      const before = heard;
      const droppedBefore = emitter.dropped;
      const total = 60_000;
      for (let batch = 0; batch < total / 1_000; batch += 1) {
        emitter.emit(Array.from({ length: 1_000 }, (_, number) => event(identity, batch * 1_000 + number)));
      }
      const accounted = (): number => heard - before + (emitter.dropped - droppedBefore);
      await c.until("every event to be heard or counted", () => accounted() >= total, c.tolerance.patienceMs * 2);
      assert.equal(accounted(), total);
    },
  },
  {
    id: "closing-ends-what-was-begun",
    invariants: ["I-56", "I-58"],
    promise: "Closing is idempotent and ends broadcasts and listening; emitting afterwards is harmless.",
    async run(c) {
      const identity = worker(c);
      const own = await channel(c);
      let heard = 0;
      await own.listen(() => {
        heard += 1;
      });
      const waiting = collect(own.broadcast({ name: "ping", to: ["nobody"] }, { timeoutMs: 20_000 }));
      const startedAt = performance.now();
      await Promise.all([own.close(), own.close()]);
      await waiting.catch(() => {});
      assert.ok(performance.now() - startedAt < 5_000 + c.tolerance.slackMs, "it does not wait for timeouts");
      const seen = heard;
      own.emit([event(identity, 0)]);
      (await channel(c)).emit([event(identity, 1)]);
      await c.quiet("heard after closing", () => heard > seen);
      await rejectsWith("BROKER_CLOSED", async () => own.serve(identity, () => 1));
    },
  },
  {
    id: "delivery-does-not-depend-on-it",
    invariants: ["I-58"],
    promise: "Closing the control channel, or a handler that fails, affects no delivery.",
    async run(c) {
      const queue = await c.queue();
      const broker = await c.connect();
      await broker.control?.close();
      await c.publish(c.messages(queue, 5), broker);
      const inbox = await c.consume(queue, { broker, credit: 5 });
      for (const delivery of await inbox.take(5)) assert.equal(await delivery.ack(), "done");
    },
  },
];
