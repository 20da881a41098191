import assert from "node:assert/strict";
import { inGroup } from "../scenario.ts";
import { isolated, type PoolScenario } from "./context.ts";

export const crash: readonly PoolScenario[] = inGroup("crash", [
  {
    id: "process-exit-is-a-crash",
    invariants: [],
    promise:
      "A task that calls process.exit ends as `crashed`, with the exit code and its last output; its executor is replaced.",
    requires: isolated,
    async run(c) {
      const pool = await c.start();
      const slots = pool.capacity;
      const events = c.events(pool);
      const outcome = await c.ends(c.run(pool, "exits", 7), "crashed");
      assert.equal(outcome.alone, true);
      assert.equal(outcome.exitCode, 7);
      assert.ok(outcome.lastOutput.includes("last words"), outcome.lastOutput.join("\n"));
      assert.ok(outcome.startedAt !== undefined);
      const ended = await events.next("executor-ended");
      assert.equal(ended.reason, "crashed");
      assert.equal(ended.exitCode, 7);
      await c.whole(pool, slots);
      assert.equal(pool.stats().crashed, 1);
      assert.equal(await c.value(pool, "echo", 1), 1);
    },
  },
  {
    id: "all-aboard-are-suspects",
    invariants: [],
    promise: "When an executor ends by itself, all that ran there are `crashed`, none of them alone.",
    requires: (facts) => isolated(facts) && facts.shared,
    async run(c) {
      const pool = await c.start({ size: 10 });
      const neighbours = await Promise.all([c.begun(pool, "waits"), c.begun(pool, "waits")]);
      const culprit = c.run(pool, "exits", 1);
      for (const run of [culprit, ...neighbours]) assert.equal((await c.ends(run, "crashed")).alone, false);
      await c.whole(pool, 10);
    },
  },
  {
    id: "heap-exhaustion-is-a-crash",
    invariants: [],
    promise: "A task that fills the heap ends as `crashed` with an error that says so; the worker and the pool go on.",
    requires: isolated,
    timeoutMs: 60_000,
    async run(c) {
      const pool = await c.start({ size: 1, maxHeapMb: 48 });
      const { error } = await c.ends(c.run(pool, "exhausts.heap"), "crashed");
      assert.match(String(error?.code), /OUT_OF_MEMORY/, JSON.stringify(error));
      await c.whole(pool, 1);
      assert.equal(await c.value(pool, "echo", 1), 1);
    },
  },
  {
    id: "signals-are-reported",
    invariants: [],
    promise: "A child that dies of a signal is `crashed` with that signal, and the worker goes on.",
    requires: ({ isolation }) => isolation === "process",
    async run(c) {
      const pool = await c.start();
      const slots = pool.capacity;
      const outcome = await c.ends(c.run(pool, "kills.itself"), "crashed");
      assert.equal(outcome.signal, "SIGKILL");
      assert.equal(outcome.exitCode, undefined);
      await c.whole(pool, slots);
    },
  },
  {
    id: "uncaught-errors-have-an-owner",
    invariants: [],
    promise: "An uncaught error or rejection fails the task whose code threw it, alone; its neighbours go on.",
    requires: isolated,
    async run(c) {
      const pool = await c.start();
      const neighbour = c.facts.shared ? await c.begun(pool, "gate") : undefined;
      const thrown = await c.ends(c.run(pool, "throws.later"), "threw");
      assert.equal(thrown.error.message, "thrown later");
      const rejected = await c.ends(c.run(pool, "rejects.later"), "threw");
      assert.equal(rejected.error.message, "rejected later");
      neighbour?.abort("cancelled");
      if (neighbour !== undefined) await c.ends(neighbour, "returned");
      assert.equal(pool.stats().crashed, 0);
    },
  },
  {
    id: "late-errors-harm-nobody",
    invariants: [],
    promise: "An uncaught error of a run that has ended already is logged with its id; whoever runs there now goes on.",
    requires: isolated,
    async run(c) {
      const pool = await c.start({ size: 1 });
      const request = c.request("leaves.an.error");
      await c.ends(pool.run(request), "returned");
      const later = c.run(pool, "gate");
      const entry = await c.logged("the late error", ({ id, level }) => id === request.id && level === "error");
      assert.match(entry.message, /too late/);
      later.abort("cancelled");
      await c.ends(later, "returned");
      assert.equal(pool.stats().crashed, 0);
    },
  },
  {
    id: "nobodys-error-ends-the-executor",
    invariants: [],
    promise:
      "An uncaught error that came from no task's code ends the executor; all aboard are `crashed` and carry the error.",
    requires: isolated,
    async run(c) {
      const pool = await c.start();
      const slots = pool.capacity;
      const outcome = await c.ends(c.run(pool, "nobodys.error"), "crashed");
      assert.equal(outcome.error?.message, "nobody's");
      assert.equal(outcome.alone, !c.facts.shared);
      await c.whole(pool, slots);
    },
  },
]);
