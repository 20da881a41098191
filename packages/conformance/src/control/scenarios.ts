import assert from "node:assert/strict";
import type { ControlChannel, ControlReply, TaskEvent, WorkerIdentity } from "@lovage/core/contracts";
import { rejectsWith } from "../broker/codes.ts";
import type { BrokerContext, BrokerScenario } from "../broker/context.ts";
import { inGroup } from "../scenario.ts";

/** Names that no other scenario uses: a control channel has no queues to keep scenarios apart. */
function worker(c: BrokerContext): WorkerIdentity {
  return { id: c.name(), host: "conformance", pid: process.pid, startedAt: Date.now(), version: "0.0.0" };
}

async function channel(c: BrokerContext): Promise<ControlChannel> {
  const { control } = await c.connect();
  if (control === undefined) throw new Error("the broker has no control channel");
  return control;
}

async function collect(replies: AsyncIterable<ControlReply>): Promise<readonly ControlReply[]> {
  const all: ControlReply[] = [];
  for await (const reply of replies) all.push(reply);
  return all.sort((a, b) => (a.worker < b.worker ? -1 : 1));
}

const event = (from: WorkerIdentity, number: number): TaskEvent => ({
  type: "task-received",
  at: number,
  worker: from.id,
  id: `${from.id}:${number}`,
  task: "conformance",
  queue: "none",
  attempt: 1,
});

const SERVING_MS = 1_000;

const scenarios: readonly Omit<BrokerScenario, "group">[] = [
  {
    id: "reaches-every-worker",
    invariants: ["I-57"],
    promise: "A broadcast reaches every worker that serves, on any connection, and yields a reply of each.",
    async run(c) {
      const workers = [worker(c), worker(c), worker(c)];
      for (const identity of workers) {
        await (await channel(c)).serve(identity, (command) => ({ heard: command.name, args: command.args }));
      }
      const command = {
        name: "inspect",
        args: { what: "größe", deep: [1, { two: null }] },
        to: workers.map(({ id }) => id),
      };
      const timeoutMs = SERVING_MS + c.tolerance.patienceMs;
      const replies = await collect((await channel(c)).broadcast(command, { timeoutMs, expect: 3 }));
      const expected = workers.map(({ id }) => ({
        worker: id,
        ok: true,
        value: { heard: "inspect", args: command.args },
      }));
      assert.deepEqual(
        replies,
        expected.sort((a, b) => (a.worker < b.worker ? -1 : 1)),
      );
    },
  },
  {
    id: "ends-when-expected-replies-came",
    invariants: ["I-57"],
    promise: "A broadcast ends when as many replies have come as were expected, without waiting for its timeout.",
    async run(c) {
      const identity = worker(c);
      await (await channel(c)).serve(identity, () => "pong");
      const startedAt = performance.now();
      const options = { timeoutMs: 20_000, expect: 1 };
      const replies = await collect((await channel(c)).broadcast({ name: "ping", to: [identity.id] }, options));
      assert.equal(replies.length, 1);
      assert.ok(performance.now() - startedAt < 1_000 + c.tolerance.slackMs, "within a second");
    },
  },
  {
    id: "ends-at-its-timeout",
    invariants: ["I-57"],
    promise: "A broadcast that nobody answers ends at its timeout, with what has come until then.",
    async run(c) {
      const quick = worker(c);
      const silent = worker(c);
      await (await channel(c)).serve(quick, () => 1);
      await (await channel(c)).serve(silent, () => new Promise(() => {}));
      const timeoutMs = 700;
      const startedAt = performance.now();
      const to = [quick.id, silent.id];
      const replies = await collect((await channel(c)).broadcast({ name: "ping", to }, { timeoutMs, expect: 2 }));
      const took = performance.now() - startedAt;
      assert.deepEqual(replies, [{ worker: quick.id, ok: true, value: 1 }]);
      assert.ok(
        took >= timeoutMs - 5 && took <= timeoutMs + 500 + c.tolerance.slackMs,
        `it took ${Math.round(took)} ms`,
      );
    },
  },
  {
    id: "asks-only-those-meant",
    invariants: ["I-57"],
    promise: "Only the workers that a command names are asked; without names all are.",
    async run(c) {
      const asked: string[] = [];
      const workers = [worker(c), worker(c)];
      for (const { id, ...rest } of workers) {
        await (await channel(c)).serve({ id, ...rest }, () => {
          asked.push(id);
        });
      }
      const [first, second] = workers.map(({ id }) => id);
      const from = await channel(c);
      await collect(from.broadcast({ name: "ping", to: [second as string] }, { timeoutMs: 5_000, expect: 1 }));
      assert.deepEqual(asked, [second]);
      const seen = new Set<string>();
      for await (const reply of from.broadcast({ name: "ping" }, { timeoutMs: 10_000 })) {
        seen.add(reply.worker);
        if (seen.has(first as string) && seen.has(second as string)) break;
      }
      assert.deepEqual(new Set(asked), new Set([first, second]));
    },
  },
  {
    id: "errors-are-replies",
    invariants: ["I-57", "I-58"],
    promise: "A handler that throws or rejects is a reply with its message, and the worker goes on serving.",
    async run(c) {
      const identity = worker(c);
      await (await channel(c)).serve(identity, async ({ name }) => {
        if (name === "fail") throw new Error("no such pool");
        return name;
      });
      const from = await channel(c);
      const ask = (name: string): Promise<readonly ControlReply[]> =>
        collect(from.broadcast({ name, to: [identity.id] }, { timeoutMs: 5_000, expect: 1 }));
      assert.deepEqual(await ask("fail"), [{ worker: identity.id, ok: false, error: "no such pool" }]);
      assert.deepEqual(await ask("ping"), [{ worker: identity.id, ok: true, value: "ping" }]);
    },
  },
  {
    id: "is-not-kept-for-later",
    invariants: ["I-57"],
    promise: "A command is not stored: a worker that begins to serve afterwards does not hear it.",
    async run(c) {
      const identity = worker(c);
      const from = await channel(c);
      await collect(from.broadcast({ name: "shutdown", to: [identity.id] }, { timeoutMs: 100 }));
      const heard: string[] = [];
      await (await channel(c)).serve(identity, ({ name }) => {
        heard.push(name);
      });
      await collect(from.broadcast({ name: "ping", to: [identity.id] }, { timeoutMs: 5_000, expect: 1 }));
      assert.deepEqual(heard, ["ping"]);
    },
  },
  {
    id: "parallel-broadcasts-do-not-mix",
    invariants: ["I-57"],
    promise: "Replies of broadcasts made at the same time go to the one that asked.",
    async run(c) {
      const identity = worker(c);
      await (await channel(c)).serve(identity, ({ args }) => args?.number);
      const from = [await channel(c), await channel(c)];
      const numbers = Array.from({ length: 20 }, (_, number) => number);
      const replies = await Promise.all(
        numbers.map((number) => {
          const command = { name: "echo", args: { number }, to: [identity.id] };
          return collect((from[number % 2] as ControlChannel).broadcast(command, { timeoutMs: 10_000, expect: 1 }));
        }),
      );
      assert.deepEqual(
        replies.map(([reply]) => (reply?.ok === true ? reply.value : reply)),
        numbers,
      );
    },
  },
  {
    id: "closed-worker-is-gone",
    invariants: ["I-57", "I-56"],
    promise: "A worker whose channel was closed is neither asked nor counted.",
    async run(c) {
      const staying = worker(c);
      const leaving = worker(c);
      await (await channel(c)).serve(staying, () => "here");
      const closing = await channel(c);
      await closing.serve(leaving, () => "here");
      const from = await channel(c);
      const before = await from.serving?.();
      await closing.close();
      const to = [staying.id, leaving.id];
      const replies = await collect(from.broadcast({ name: "ping", to }, { timeoutMs: 500, expect: 2 }));
      assert.deepEqual(
        replies.map(({ worker: id }) => id),
        [staying.id],
      );
      if (before !== undefined)
        await c.until("it not to be counted", async () => (await from.serving?.()) === before - 1);
    },
  },
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

export const controlScenarios: readonly BrokerScenario[] = inGroup(
  "control",
  scenarios.map((scenario) => ({ ...scenario, needs: ["control"] as const })),
);
