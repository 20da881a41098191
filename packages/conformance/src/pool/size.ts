import assert from "node:assert/strict";
import { inGroup } from "../scenario.ts";
import { isolated, type PoolScenario } from "./context.ts";
import type { PoolFacts } from "./harness.ts";

const sizable = ({ sizes }: PoolFacts): boolean => sizes === "any";

export const size: readonly PoolScenario[] = inGroup("size", [
  {
    id: "refuses-what-it-cannot-have",
    invariants: [],
    promise: "A size that is no whole number of at least 1 is a ConfigurationError, in the options and in resize().",
    async run(c) {
      const bad = c.facts.sizes === "one" ? [0, -1, 1.5, 2, Number.NaN] : [0, -1, 1.5, Number.NaN];
      for (const size of bad) assert.throws(() => c.create({ size }), { code: "CONFIGURATION" });
      const pool = await c.start();
      for (const size of bad) await assert.rejects(pool.resize(size), { code: "CONFIGURATION" });
      assert.equal(await c.value(pool, "echo", 1), 1);
    },
  },
  {
    id: "reaches-exactly-the-target",
    invariants: [],
    promise: "resize() grows and shrinks to exactly the size asked for, and has done so when it resolves.",
    requires: sizable,
    async run(c) {
      const pool = await c.start({ size: 2 });
      for (const size of [4, 2, 3, 1, 3, 3]) {
        await pool.resize(size);
        assert.equal(pool.capacity, size);
        assert.equal(pool.free, size);
        assert.equal(
          pool.stats().executors.reduce((slots, executor) => slots + executor.slots, 0),
          size,
        );
      }
      assert.deepEqual(await Promise.all([1, 2, 3].map((value) => c.value(pool, "echo", value))), [1, 2, 3]);
    },
  },
  {
    id: "shrinking-lets-tasks-finish",
    invariants: [],
    promise: "Shrink takes no task with it: it resolves when the surplus has finished what it ran.",
    requires: sizable,
    async run(c) {
      const pool = await c.start({ size: 3 });
      const runs = await Promise.all([1, 2, 3].map(() => c.begun(pool, "gate")));
      let reached = false;
      const resized = pool.resize(1).then(() => {
        reached = true;
      });
      assert.equal(pool.free, 0);
      runs[0]?.abort("cancelled");
      await runs[0]?.outcome;
      assert.equal(reached, false, "two are still running in one slot");
      for (const run of runs) run.abort("cancelled");
      await Promise.all(runs.map((run) => c.ends(run, "returned")));
      await resized;
      assert.equal(pool.capacity, 1);
      assert.equal(pool.free, 1);
    },
  },
  {
    id: "a-storm-ends-at-the-last-word",
    invariants: [],
    promise: "Many resizes at once, with tasks running, end at exactly the last size asked for; all of them settle.",
    requires: sizable,
    timeoutMs: 60_000,
    async run(c) {
      const pool = await c.start({ size: 2 });
      const storm: Promise<void>[] = [];
      let open = true;
      const load = (async () => {
        while (open) {
          if (pool.free > 0) await c.ends(c.run(pool, "echo", 1), "returned");
          else await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      for (const size of [4, 1, 5, 2, 1, 4, 3]) {
        storm.push(pool.resize(size));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all(storm);
      open = false;
      await load;
      assert.equal(pool.capacity, 3);
      assert.equal(pool.free, 3);
      assert.ok(pool.stats().executors.every(({ state }) => state === "ready"));
      assert.ok(pool.stats().executors.length <= 3);
    },
  },
  {
    id: "changes-are-announced",
    invariants: [],
    promise: "What `capacity` and `free` become other than by run() and outcomes comes as `capacity-changed`.",
    requires: (facts) => sizable(facts) && isolated(facts),
    async run(c) {
      const pool = await c.start({ size: 1 });
      const events = c.events(pool);
      await pool.resize(2);
      const grown = await events.next("capacity-changed", ({ capacity }) => capacity === 2);
      assert.equal(grown.free, 2);
      await pool.resize(1);
      await events.next("capacity-changed", ({ capacity }) => capacity === 1);
    },
  },
  {
    id: "has-one-slot",
    invariants: [],
    promise: "A pool that can have one slot has one, and keeps it when asked for one.",
    requires: ({ sizes }) => sizes === "one",
    async run(c) {
      const pool = await c.start();
      assert.equal(pool.capacity, 1);
      await pool.resize(1);
      assert.deepEqual([pool.capacity, pool.free], [1, 1]);
    },
  },
]);
