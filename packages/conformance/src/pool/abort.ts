import assert from "node:assert/strict";
import type { AbortReason } from "@lovage/core/contracts";
import { inGroup } from "../scenario.ts";
import type { PoolScenario } from "./context.ts";

const REASONS: readonly AbortReason[] = ["soft-limit", "cancelled", "shutdown", "lost"];

export const abort: readonly PoolScenario[] = inGroup("abort", [
  {
    id: "aborts-the-signal",
    invariants: [],
    promise:
      "abort() aborts the task's signal with a LovageError; a task that then throws has `aborted`, for that reason.",
    async run(c) {
      const pool = await c.start();
      for (const reason of REASONS) {
        const execution = await c.begun(pool, "obeys");
        execution.abort(reason);
        const outcome = await c.ends(execution, "aborted");
        assert.equal(outcome.reason, reason);
        assert.equal(typeof outcome.error.code, "string");
      }
    },
  },
  {
    id: "returning-after-abort-is-returning",
    invariants: [],
    promise:
      "A task that returns after abort() has `returned`; the first reason stays; abort() after the outcome does nothing.",
    async run(c) {
      const pool = await c.start();
      const execution = await c.begun(pool, "gate");
      execution.abort("soft-limit");
      execution.abort("cancelled");
      const { value } = await c.ends(execution, "returned");
      assert.equal(JSON.parse(String(value)), "SOFT_LIMIT");
      execution.abort("cancelled");
      assert.equal(await c.value(pool, "echo", 1), 1);
    },
  },
  {
    id: "aborts-one-of-many",
    invariants: [],
    promise: "abort() concerns one run, not its neighbours; asked in the tick of run(), it still arrives.",
    async run(c) {
      const pool = await c.start();
      const runs = Array.from({ length: pool.capacity }, () => c.run(pool, "obeys"));
      const [first, ...others] = runs;
      first?.abort("cancelled");
      await first?.outcome;
      assert.equal(pool.free, 1);
      for (const run of others) run.abort("lost");
      const outcomes = await Promise.all(others.map((run) => c.ends(run, "aborted")));
      assert.ok(outcomes.every(({ reason }) => reason === "lost"));
    },
  },
]);
