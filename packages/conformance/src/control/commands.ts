import assert from "node:assert/strict";
import type { ControlChannel, ControlReply } from "@lovage/core/contracts";
import type { BrokerScenario } from "../broker/context.ts";
import { channel, collect, worker } from "./participants.ts";

const SERVING_MS = 1_000;

export const commands: readonly Omit<BrokerScenario, "group">[] = [
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
    id: "answers-that-are-not-json-are-errors",
    invariants: ["I-57", "I-58"],
    promise:
      "A handler's value that JSON cannot carry is an error reply that says so, and the worker goes on serving. None is a reply all the same.",
    async run(c) {
      const identity = worker(c);
      const round: Record<string, unknown> = {};
      round.self = round;
      const values: Record<string, unknown> = { big: 1n, round, nothing: undefined, good: [1] };
      await (await channel(c)).serve(identity, ({ name }) => values[name]);
      const from = await channel(c);
      const ask = async (name: string): Promise<ControlReply> => {
        const options = { timeoutMs: 5_000, expect: 1 };
        const [reply] = await collect(from.broadcast({ name, to: [identity.id] }, options));
        return reply ?? assert.fail(`"${name}" has no reply`);
      };
      for (const name of ["big", "round"]) {
        const reply = await ask(name);
        assert.ok(
          !reply.ok && reply.error !== "",
          `"${name}" is answered ${reply.ok ? "as if it were well" : "without a reason"}`,
        );
      }
      assert.equal((await ask("nothing")).ok, true);
      assert.deepEqual(await ask("good"), { worker: identity.id, ok: true, value: [1] });
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
];
