import assert from "node:assert/strict";
import { grownSince, resources } from "../resources.ts";
import { inGroup } from "../scenario.ts";
import { isAlive, isolated, type PoolScenario } from "./context.ts";

export const close: readonly PoolScenario[] = inGroup("close", [
  {
    id: "gives-back-what-runs",
    invariants: [],
    promise: "close() ends executors with tasks aboard by force; their runs are `abandoned`, even in an endless loop.",
    requires: isolated,
    async run(c) {
      const pool = await c.start();
      const running = await c.begun(pool, "spins", 60_000);
      const others = Array.from({ length: pool.free }, () => c.run(pool, "waits"));
      const pids = pool.stats().executors.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
      const startedAt = performance.now();
      await pool.close();
      assert.ok(performance.now() - startedAt < 4_000);
      for (const run of [running, ...others]) await c.ends(run, "abandoned");
      assert.equal(pool.stats().executors.length, 0);
      assert.ok(pids.every((pid) => pid === process.pid || !isAlive(pid)));
    },
  },
  {
    id: "is-final-and-idempotent",
    invariants: [],
    promise: "close() may be called again and in parallel; run(), resize() and start() are refused afterwards.",
    async run(c) {
      const pool = await c.start();
      await c.value(pool, "echo", 1);
      await Promise.all([pool.close(), pool.close()]);
      await pool.close();
      assert.equal(pool.capacity, 0);
      assert.throws(() => c.run(pool, "noop"), { code: "POOL_CLOSED" });
      await assert.rejects(pool.resize(1), { code: "POOL_CLOSED" });
      await assert.rejects(pool.start(await c.context()), { code: "CONFIGURATION" });
    },
  },
  {
    id: "never-started",
    invariants: [],
    promise: "A pool that was never started closes at once.",
    async run(c) {
      await c.create().close();
    },
  },
  {
    id: "leaves-nothing-running",
    invariants: [],
    promise: "When close() has resolved, no thread, process, port or timer of the pool keeps the process alive.",
    async run(c) {
      const before = resources();
      for (let round = 0; round < 3; round++) {
        const pool = await c.start();
        await c.value(pool, "echo", round);
        await c.ends(c.run(pool, "fails", "bad"), "threw");
        await pool.close();
      }
      let left: ReturnType<typeof grownSince> = [];
      const settled = (): boolean => {
        // The wait itself holds one timer.
        left = grownSince(before).filter(([kind, more]) => kind !== "Timeout" || more > 1);
        return left.length === 0;
      };
      await c.until("what was opened to be gone", settled).catch(() => {
        assert.fail(`left running: ${left.map(([kind, more]) => `${more} ${kind}`).join(", ")}`);
      });
    },
  },
]);
