import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { threadId } from "node:worker_threads";
import type { Pool } from "@lovage/core/contracts";
import { inGroup } from "../scenario.ts";
import { isolated, type PoolScenario, type PoolTrial } from "./context.ts";

interface Place {
  readonly pid: number;
  readonly threadId: number;
}

/** Where runs are that fill all slots at one time. */
async function atOnce(c: PoolTrial, pool: Pool): Promise<readonly Place[]> {
  const runs = await Promise.all(Array.from({ length: pool.capacity }, () => c.begun(pool, "gate.where")));
  for (const run of runs) run.abort("cancelled");
  const outcomes = await Promise.all(runs.map((run) => c.ends(run, "returned")));
  return outcomes.map(({ value }) => JSON.parse(String(value)) as Place);
}

export const dispatch: readonly PoolScenario[] = inGroup("dispatch", [
  {
    id: "returns-with-value-and-times",
    invariants: [],
    promise: "A run ends with the task's value as the codec wrote it, when it began and how long it took.",
    async run(c) {
      const pool = await c.start();
      const before = Date.now() - 1_000;
      const outcome = await c.ends(c.run(pool, "echo", { a: [1, "two", null] }), "returned");
      assert.ok(outcome.value !== undefined, "there is a value");
      assert.deepEqual(JSON.parse(String(outcome.value)), { a: [1, "two", null] });
      assert.ok((outcome.startedAt as number) > before && (outcome.startedAt as number) <= Date.now() + 1_000);
      assert.ok((outcome.durationMs as number) >= 0);
      assert.equal((await c.ends(c.run(pool, "noop"), "returned")).value, undefined);
    },
  },
  {
    id: "slots-are-counted",
    invariants: [],
    promise:
      "`free` falls with run() and is back when the outcome is known; run() without a free slot throws PoolBusyError.",
    async run(c) {
      const pool = await c.start();
      const slots = pool.capacity;
      assert.equal(pool.free, slots);
      const runs = Array.from({ length: slots }, () => c.run(pool, "gate"));
      assert.equal(pool.free, 0);
      assert.throws(() => c.run(pool, "noop"), { code: "POOL_BUSY" });
      runs[0]?.abort("cancelled");
      await runs[0]?.outcome;
      assert.equal(pool.free, 1);
      for (const run of runs) run.abort("cancelled");
      await Promise.all(runs.map((run) => c.ends(run, "returned")));
      assert.equal(pool.free, slots);
      assert.equal(pool.stats().finished, slots);
    },
  },
  {
    id: "each-run-has-its-own-outcome",
    invariants: [],
    promise: "Runs asked in one tick, round after round, each end with their own value.",
    async run(c) {
      const pool = await c.start();
      for (let round = 0; round < 20; round++) {
        const values = Array.from({ length: pool.capacity }, (_, index) => `${round}.${index}`);
        assert.deepEqual(await Promise.all(values.map((value) => c.value(pool, "echo", value))), values);
      }
    },
  },
  {
    id: "throwing-is-an-outcome",
    invariants: [],
    promise: "A task that throws ends as `threw`, its error as data with name, message, code, stack and cause.",
    async run(c) {
      const pool = await c.start();
      const { error } = await c.ends(c.run(pool, "fails", "bad"), "threw");
      assert.equal(error.name, "RangeError");
      assert.equal(error.message, "bad");
      assert.equal(error.code, "E_FAILED");
      assert.match(error.stack ?? "", /tasks\.[jt]s/);
      assert.equal(error.cause?.message, "the cause");
      assert.equal((await c.ends(c.run(pool, "fails.oddly"), "threw")).error.name, "NonError");
      assert.equal(await c.value(pool, "echo", "still here"), "still here");
    },
  },
  {
    id: "what-cannot-be-run-fails-for-good",
    invariants: [],
    promise: "An unknown task and a body that does not decode end as `threw` with the directive that says so.",
    async run(c) {
      const pool = await c.start();
      const unknown = await c.ends(c.run(pool, "no.such.task"), "threw");
      assert.deepEqual(unknown.directive, { type: "fail", code: "unknown-task" });
      const garbled = await c.ends(pool.run(c.request("echo", [], { body: "{not json" })), "threw");
      assert.deepEqual(garbled.directive, { type: "fail", code: "undecodable" });
      assert.equal(garbled.startedAt, undefined);
    },
  },
  {
    id: "bytes-and-aliases",
    invariants: [],
    promise: "A body of bytes is the same as its text; a former name finds the task.",
    async run(c) {
      const pool = await c.start();
      const body = Buffer.from(JSON.stringify([["größer 🌿"], {}, {}]));
      const outcome = await c.ends(pool.run(c.request("formerly.echo", [], { body })), "returned");
      assert.equal(JSON.parse(String(outcome.value)), "größer 🌿");
    },
  },
  {
    id: "tasks-know-their-run",
    invariants: [],
    promise: "currentTask() shows id, name, queue, attempt, deliveries, deadline and headers of the run.",
    async run(c) {
      const pool = await c.start();
      const id = randomUUID();
      const headers = { task: "context", "my.header": "kept", publishedAt: 5 };
      const parts = { id, headers, attempt: 3, deliveries: 4, deadline: Date.now() + 60_000, queue: "q" };
      const { value } = await c.ends(pool.run(c.request("context", [], parts)), "returned");
      assert.deepEqual(JSON.parse(String(value)), { ...parts, task: "context" });
    },
  },
  {
    id: "never-on-the-callers-loop",
    invariants: [],
    promise: "A task's code runs in another thread or process than the caller's.",
    requires: isolated,
    async run(c) {
      const pool = await c.start();
      const seen = (await c.value(pool, "where")) as { pid: number; threadId: number; starts: number };
      const [executor] = pool.stats().executors;
      assert.notEqual(`${seen.pid}.${seen.threadId}`, `${process.pid}.0`);
      assert.equal(seen.starts, 1, "onExecutorStart has run once");
      assert.ok(executor?.pid !== undefined || executor?.threadId !== undefined);
      if (c.facts.isolation === "process") assert.notEqual(seen.pid, process.pid);
    },
  },
  {
    id: "on-the-callers-loop",
    invariants: [],
    promise: "Where nothing is isolated, a task's code runs on the caller's own thread.",
    requires: ({ isolation }) => isolation === "none",
    async run(c) {
      const pool = await c.start();
      const { pid, threadId: thread } = (await c.value(pool, "where")) as Place;
      assert.deepEqual([pid, thread], [process.pid, threadId]);
    },
  },
  {
    id: "on-a-loop-with-neighbours",
    invariants: [],
    promise: "Where isolation is `loop`, runs share the threads of the executors, in this process.",
    requires: ({ isolation }) => isolation === "loop",
    async run(c) {
      const pool = await c.start();
      const places = await atOnce(c, pool);
      const threads = new Set(places.map(({ threadId: thread }) => thread));
      assert.deepEqual([...new Set(places.map(({ pid }) => pid))], [process.pid]);
      assert.deepEqual(threads, new Set(pool.stats().executors.map(({ threadId: thread }) => thread)));
      assert.ok(threads.size < places.length);
    },
  },
  {
    id: "in-a-thread-of-its-own",
    invariants: [],
    promise: "Where isolation is `thread`, no two runs share a thread at a time.",
    requires: ({ isolation }) => isolation === "thread",
    async run(c) {
      const places = await atOnce(c, await c.start());
      assert.deepEqual([...new Set(places.map(({ pid }) => pid))], [process.pid]);
      assert.equal(new Set(places.map(({ threadId: thread }) => thread)).size, places.length);
    },
  },
  {
    id: "in-another-process",
    invariants: [],
    promise:
      "Where isolation is `process`, no run is in the caller's process, and unless shared each is in one of its own.",
    requires: ({ isolation }) => isolation === "process",
    async run(c) {
      const places = await atOnce(c, await c.start());
      const pids = new Set(places.map(({ pid }) => pid));
      assert.ok(!pids.has(process.pid));
      if (!c.facts.shared) assert.equal(pids.size, places.length);
    },
  },
]);
