import assert from "node:assert/strict";
import { inGroup } from "../scenario.ts";
import { calibrate } from "../tolerance.ts";
import { isolated, type PoolScenario } from "./context.ts";

export const stall: readonly PoolScenario[] = inGroup("stall", [
  {
    id: "names-who-holds-the-loop",
    invariants: [],
    promise:
      "A loop that does not turn is reported with the tasks aboard, within twice the bound, and again when it recovers.",
    requires: isolated,
    async run(c) {
      const pool = await c.start({}, { stallMs: 400 });
      const events = c.events(pool);
      const request = c.request("spins", [2_500]);
      const startedAt = performance.now();
      const execution = pool.run(request);
      const stalled = await events.next("stalled");
      const late = performance.now() - startedAt;
      // Thread, watchdog and the reading of a stack each wait for the machine, which may be busier than when the run began.
      const slackMs = Math.max(c.tolerance.slackMs, (await calibrate()).slackMs);
      assert.ok(late < 800 + slackMs, `reported after ${late} ms`);
      assert.deepEqual(stalled.running, [{ id: request.id, task: "spins" }]);
      assert.ok(stalled.stalledMs >= 400);
      if (stalled.stack !== undefined) assert.match(stalled.stack, /tasks\.[jt]s:\d+/);
      const again = await events.next("stalled");
      assert.ok(again.stalledMs >= 2 * stalled.stalledMs, "reported again when the time has doubled");
      await events.next("recovered");
      await c.ends(execution, "returned");
      assert.equal(pool.free, pool.capacity);
    },
  },
  {
    id: "a-stalled-loop-takes-no-more",
    invariants: [],
    promise: "The free slots of a stalled loop are not offered until it turns again.",
    requires: (facts) => isolated(facts) && facts.shared,
    async run(c) {
      const pool = await c.start({ size: 10 }, { stallMs: 400 });
      const events = c.events(pool);
      const execution = c.run(pool, "spins", 1_500);
      await events.next("stalled");
      assert.equal(pool.free, 0);
      await c.ends(execution, "returned");
      await c.whole(pool, 10);
    },
  },
  {
    id: "waiting-is-not-stalling",
    together: true,
    invariants: [],
    promise: "A task that waits, however long, is not reported.",
    requires: isolated,
    async run(c) {
      const pool = await c.start({}, { stallMs: 300 });
      const events = c.events(pool);
      const execution = await c.begun(pool, "gate");
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      execution.abort("cancelled");
      await c.ends(execution, "returned");
      assert.deepEqual(
        events.events.filter(({ type }) => type === "stalled"),
        [],
      );
    },
  },
]);
