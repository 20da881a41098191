import assert from "node:assert/strict";
import { inGroup } from "../scenario.ts";
import { isAlive, isolated, type PoolScenario } from "./context.ts";

interface BadStart {
  readonly id: string;
  readonly module: string;
  readonly what: string;
  readonly code: string;
  readonly says: RegExp;
  /** It is over when a time is: an import that a scenario does not wait for long. */
  readonly hangs?: true;
}

const BAD_STARTS: readonly BadStart[] = [
  {
    id: "import-throws",
    module: "throws",
    what: "throws",
    code: "APP_IMPORT",
    says: /throws\.[jt]s.*no DATABASE_URL/s,
  },
  {
    id: "import-exits",
    module: "exits",
    what: "calls process.exit",
    code: "EXECUTOR_START",
    says: /exit code 3.*cannot go on/s,
  },
  { id: "module-missing", module: "nowhere", what: "is not there", code: "APP_NOT_FOUND", says: /nowhere/ },
  {
    id: "import-hangs",
    module: "hangs",
    what: "never ends its import",
    code: "EXECUTOR_START",
    says: /hangs\.[jt]s/,
    hangs: true,
  },
  { id: "task-missing", module: "few-tasks", what: "registers fewer tasks", code: "APP_TASK_MISSING", says: /"echo"/ },
  {
    id: "hook-throws",
    module: "hook-throws",
    what: "has an onExecutorStart that throws",
    code: "EXECUTOR_START",
    says: /database said no/,
  },
  {
    id: "hook-hangs",
    module: "hook-hangs",
    what: "has an onExecutorStart that never ends",
    code: "EXECUTOR_START",
    says: /onExecutorStart.*400 ms/,
  },
];

export const start: readonly PoolScenario[] = inGroup("start", [
  ...BAD_STARTS.map(({ id, module, what, code, says, hangs = false }) => ({
    id,
    together: hangs,
    invariants: [],
    promise: `With a module that ${what}, start() rejects with ${code}, says why, and leaves nothing running.`,
    requires: isolated,
    async run(c: Parameters<PoolScenario["run"]>[0]) {
      const pool = c.create(hangs ? { importTimeoutMs: 1_500 } : {});
      await assert.rejects(pool.start(await c.context({ module, hookTimeoutMs: 400 })), (error: Error) => {
        assert.equal((error as Error & { code?: string }).code, code, error.stack);
        assert.match(error.message, says);
        return true;
      });
      assert.equal(pool.stats().executors.length, 0);
      assert.equal(pool.capacity, 0);
      assert.throws(() => c.run(pool, "noop"), { code: "POOL_CLOSED" });
    },
  })),
  {
    id: "hooks-run-once-per-executor",
    invariants: [],
    promise: "onExecutorStart has finished before the first task; onExecutorStop runs when an idle executor ends.",
    requires: isolated,
    async run(c) {
      const pool = c.create({ size: 1 });
      const events = c.events(pool);
      await pool.start(await c.context());
      await events.next("output", ({ line }) => line === "executor started");
      await c.value(pool, "echo", 1);
      await pool.close();
      await events.next("output", ({ line }) => line === "executor stopped");
      const ended = await events.next("executor-ended");
      assert.equal(ended.reason, "closed");
      const printed = events.events.filter((event) => event.type === "output").length;
      assert.equal(printed, 2);
    },
  },
  {
    id: "needs-a-module",
    invariants: [],
    promise:
      "An app that exists in memory only cannot run in executors that import it: ConfigurationError, not a hang.",
    requires: isolated,
    async run(c) {
      const context = await c.context();
      const { url: _, ...app } = context.app;
      await assert.rejects(c.create().start({ ...context, app }), { code: "CONFIGURATION" });
    },
  },
  {
    id: "close-while-starting",
    together: true,
    invariants: [],
    promise: "close() during start() ends it: start() rejects, nothing is left.",
    requires: isolated,
    async run(c) {
      const pool = c.create();
      const started = pool.start(await c.context({ module: "hangs" }));
      const pids = pool.stats().executors.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
      await Promise.all([assert.rejects(started, { code: "POOL_CLOSED" }), pool.close()]);
      assert.ok(pids.every((pid) => pid === process.pid || !isAlive(pid)));
    },
  },
]);
