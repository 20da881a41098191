import assert from "node:assert/strict";
import type { Pool, PoolEvent } from "@lovage/core/contracts";
import { inGroup } from "../scenario.ts";
import type { PoolScenario, PoolTrial } from "./context.ts";
import type { PoolFacts } from "./harness.ts";

const recycles = (facts: PoolFacts): boolean => facts.recycles;

/** Notes the least capacity and free slots that were announced. */
function watchCapacity(pool: Pool): { least: number } {
  const seen = { least: pool.capacity };
  pool.onEvent((event: PoolEvent) => {
    if (event.type === "capacity-changed") seen.least = Math.min(seen.least, event.capacity);
  });
  return seen;
}

async function recycled(c: PoolTrial, pool: Pool): Promise<void> {
  const events = c.events(pool);
  const started = await events.next("executor-started");
  const ended = await events.next("executor-ended");
  assert.equal(ended.reason, "recycled");
  assert.notEqual(started.executor, ended.executor);
  const order = events.events.map(({ type }) => type);
  assert.ok(order.indexOf("executor-started") < order.indexOf("executor-ended"), "the successor came first");
  await c.until("it to be counted", () => pool.stats().recycled === 1);
}

export const recycle: readonly PoolScenario[] = inGroup("recycle", [
  {
    id: "by-tasks",
    invariants: [],
    promise: "After so many tasks an executor is replaced, its successor first, and capacity never falls.",
    requires: recycles,
    async run(c) {
      const pool = await c.start({ size: 1, recycle: { tasks: 5 } });
      const seen = watchCapacity(pool);
      const done = recycled(c, pool);
      for (let task = 0; task < 5; task++) await c.value(pool, "echo", task);
      await done;
      assert.equal(seen.least, 1);
      assert.equal(await c.value(pool, "echo", 1), 1);
    },
  },
  {
    id: "running-tasks-finish",
    invariants: [],
    promise: "A task that runs while its executor is due finishes there; new ones go to the successor.",
    requires: (facts) => facts.recycles && facts.shared,
    async run(c) {
      const pool = await c.start({ size: 2, recycle: { tasks: 3 } });
      const events = c.events(pool);
      const staying = await c.begun(pool, "gate");
      for (let task = 0; task < 3; task++) await c.value(pool, "echo", task);
      await events.next("executor-started");
      await c.until("the successor to take over", () => pool.free === 2);
      assert.equal(await c.value(pool, "echo", "new"), "new");
      staying.abort("cancelled");
      await c.ends(staying, "returned");
      assert.equal((await events.next("executor-ended")).reason, "recycled");
    },
  },
  {
    id: "by-memory",
    invariants: [],
    promise: "An executor whose memory is past the bound is replaced once its task has ended.",
    requires: (facts) => facts.recycles && facts.reportsMemory,
    async run(c) {
      const bound = 180 * 1024 * 1024;
      const pool = await c.start({ size: 1, recycle: { memory: bound } });
      await c.value(pool, "echo", 1);
      const done = recycled(c, pool);
      await c.ends(c.run(pool, "keeps", 256), "returned");
      await done;
      assert.equal(await c.value(pool, "echo", 1), 1);
    },
  },
  {
    id: "by-age",
    together: true,
    invariants: [],
    promise: "An executor of that age is replaced even when it has nothing to do.",
    requires: recycles,
    async run(c) {
      const pool = await c.start({ size: 1, recycle: { age: 700 } });
      await recycled(c, pool);
    },
  },
  {
    id: "by-idleness",
    together: true,
    invariants: [],
    promise: "Executors without work end, down to one; they are back when there is work again.",
    requires: (facts) => facts.recycles && facts.sizes === "any" && !facts.shared,
    async run(c) {
      const pool = await c.start({ size: 3, recycle: { idle: 300 } });
      await c.until("one executor to be left", () => pool.stats().executors.length === 1);
      assert.equal(pool.capacity, 1);
      const gates = [c.run(pool, "gate")];
      await c.until("another slot", () => pool.free > 0);
      gates.push(c.run(pool, "gate"));
      await c.until("the last slot", () => pool.capacity === 3);
      for (const gate of gates) gate.abort("cancelled");
      await Promise.all(gates.map((gate) => c.ends(gate, "returned")));
    },
  },
  {
    id: "refuses-bounds-that-mean-nothing",
    invariants: [],
    promise: "A bound that is not positive is a ConfigurationError when the pool is made.",
    requires: recycles,
    async run(c) {
      for (const recycle of [{ tasks: 0 }, { memory: -1 }, { age: "soon" as never }])
        assert.throws(() => c.create({ recycle }), { code: "CONFIGURATION" });
    },
  },
  {
    id: "is-refused",
    invariants: [],
    promise: "Where executors cannot be replaced, asking for it is a ConfigurationError when the pool is made.",
    requires: (facts) => !facts.recycles,
    async run(c) {
      assert.throws(() => c.create({ recycle: { tasks: 5 } }), { code: "CONFIGURATION" });
    },
  },
]);
