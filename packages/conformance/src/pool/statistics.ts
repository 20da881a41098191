import assert from "node:assert/strict";
import { inGroup } from "../scenario.ts";
import type { PoolScenario } from "./context.ts";

const MEBIBYTE = 1024 * 1024;

export const statistics: readonly PoolScenario[] = inGroup("statistics", [
  {
    id: "count-what-was",
    invariants: [],
    promise: "stats() tells slots, what runs where, how many runs have ended, and how long tasks ran.",
    async run(c) {
      const pool = await c.start();
      const request = c.request("gate");
      const execution = pool.run(request);
      await c.logged("the task to begin", ({ id }) => id === request.id);
      const during = pool.stats();
      assert.deepEqual([during.capacity, during.free], [pool.capacity, pool.capacity - 1]);
      assert.deepEqual(
        during.executors.flatMap(({ running }) => running),
        [request.id],
      );
      assert.equal(
        during.executors.reduce((slots, executor) => slots + executor.slots, 0),
        pool.capacity,
      );
      const heldMs = 50;
      await new Promise((resolve) => setTimeout(resolve, heldMs));
      execution.abort("cancelled");
      await c.ends(execution, "returned");
      await c.ends(c.run(pool, "fails", "bad"), "threw");
      await c.value(pool, "echo", 1);
      const after = pool.stats();
      assert.deepEqual([after.finished, after.crashed, after.killed, after.recycled], [3, 0, 0, 0]);
      assert.equal(
        after.executors.reduce((finished, executor) => finished + executor.finished, 0),
        3,
      );
      assert.deepEqual(
        after.executors.flatMap(({ running }) => running),
        [],
      );
      const busyMs = after.executors.reduce((busy, executor) => busy + executor.busyMs, 0);
      assert.ok(busyMs >= heldMs - 5, `${Math.round(busyMs)} ms busy`);
    },
  },
  {
    id: "memory-is-told",
    invariants: [],
    promise:
      "Where memory is reported, each executor that has worked tells a number of bytes that a JavaScript heap can have.",
    requires: ({ reportsMemory }) => reportsMemory,
    async run(c) {
      const pool = await c.start({ size: 1 });
      await c.value(pool, "echo", 1);
      await c.until("its memory to be known", async () => {
        await c.value(pool, "echo", 1);
        return pool.stats().executors.every(({ memoryBytes }) => (memoryBytes ?? 0) > MEBIBYTE);
      });
    },
  },
  {
    id: "memory-is-unknown",
    invariants: [],
    promise: "Where memory is not reported, it is undefined, never 0.",
    requires: ({ reportsMemory }) => !reportsMemory,
    async run(c) {
      const pool = await c.start();
      await c.value(pool, "echo", 1);
      for (const { memoryBytes } of pool.stats().executors) assert.equal(memoryBytes, undefined);
    },
  },
]);
