import { createServer } from "node:net";
import type { PoolEvent } from "@lovage/core/contracts";
import { butEvents, butOutcomes, butRuns, poolSaboteur } from "./pool-tamper.ts";
import type { PoolSaboteur } from "./saboteur.ts";
import { but } from "./tamper.ts";

/** Pools that kill, bear crashes, report stalls and close otherwise than promised. */
export const ending: readonly PoolSaboteur[] = [
  poolSaboteur(
    "says killed and leaves the executor running",
    ["kill/ends-a-task-that-spins", "kill/ends-a-task-that-waits"],
    (pool) =>
      butRuns(pool, (execution) => {
        const killed = Promise.withResolvers<Awaited<typeof execution.outcome>>();
        return but(execution, {
          outcome: Promise.race([execution.outcome, killed.promise]),
          async kill(reason) {
            killed.resolve({ type: "killed", reason, startedAt: Date.now() });
          },
        });
      }),
  ),
  poolSaboteur("says of a killed task that it crashed", ["kill/ends-a-task-that-waits"], (pool) =>
    butOutcomes(pool, (outcome) =>
      outcome.type === "killed" ? { type: "crashed", alone: true, lastOutput: [] } : outcome,
    ),
  ),
  poolSaboteur(
    "kills the neighbours as well, and says that it does not",
    ["kill/neighbours-go-on"],
    (pool) => but(pool, { capabilities: { ...pool.capabilities, killTakesNeighbours: false } }),
    "loop",
  ),
  poolSaboteur(
    "blames the neighbours of a killed task",
    ["kill/neighbours-are-abandoned"],
    (pool) =>
      butOutcomes(pool, (outcome) =>
        outcome.type === "abandoned" ? { type: "crashed", alone: false, lastOutput: [] } : outcome,
      ),
    "loop",
  ),
  poolSaboteur("waits for a native call as long as it takes", ["kill/gives-up-after-five-seconds"], (pool) =>
    butRuns(pool, (execution) =>
      but(execution, {
        async kill(reason) {
          await execution.kill(reason);
          await new Promise((resolve) => setTimeout(resolve, 2_000));
        },
      }),
    ),
  ),
  poolSaboteur("claims to kill whatever it is in", ["kill/kills-a-native-call"], (pool) =>
    but(pool, { capabilities: { ...pool.capabilities, kill: "always" } }),
  ),
  poolSaboteur("hangs where it cannot kill", ["kill/never-means-never"], (pool) =>
    butRuns(but(pool, { capabilities: { ...pool.capabilities, kill: "never" } }), (execution) =>
      but(execution, {
        outcome: execution.outcome.then((outcome) =>
          outcome.type === "killed" ? new Promise<never>(() => {}) : outcome,
        ),
      }),
    ),
  ),

  poolSaboteur("swallows a crash", ["crash/process-exit-is-a-crash", "crash/nobodys-error-ends-the-executor"], (pool) =>
    butOutcomes(pool, (outcome) => (outcome.type === "crashed" ? { type: "returned" } : outcome)),
  ),
  poolSaboteur("counts itself whole after a crash, and is not", ["crash/process-exit-is-a-crash"], (pool) => {
    let lost = 0;
    pool.onEvent((event) => {
      if (event.type === "executor-ended" && event.reason === "crashed") lost += 1;
    });
    return but(pool, {
      get free() {
        return Math.max(0, pool.free - lost);
      },
    });
  }),
  poolSaboteur(
    "blames everyone aboard alone",
    ["crash/all-aboard-are-suspects"],
    (pool) => butOutcomes(pool, (outcome) => (outcome.type === "crashed" ? { ...outcome, alone: true } : outcome)),
    "loop",
  ),
  poolSaboteur("does not say why it ran out of memory", ["crash/heap-exhaustion-is-a-crash"], (pool) =>
    butOutcomes(pool, (outcome) =>
      outcome.type === "crashed" ? (({ error: _error, ...rest }) => rest)(outcome) : outcome,
    ),
  ),
  poolSaboteur("takes an uncaught error for a crash", ["crash/uncaught-errors-have-an-owner"], (pool) =>
    butOutcomes(pool, (outcome) =>
      outcome.type === "threw" ? { type: "crashed", alone: true, error: outcome.error, lastOutput: [] } : outcome,
    ),
  ),

  poolSaboteur("hides a stall", ["stall/names-who-holds-the-loop"], (pool) =>
    butEvents(pool, (event) => (event.type === "stalled" ? undefined : event)),
  ),
  poolSaboteur("does not know who stalls", ["stall/names-who-holds-the-loop"], (pool) =>
    butEvents(pool, (event) => (event.type === "stalled" ? { ...event, running: [] } : event)),
  ),
  poolSaboteur(
    "offers the slots of a stalled loop",
    ["stall/a-stalled-loop-takes-no-more"],
    (pool) =>
      but(pool, {
        get free() {
          return Math.max(1, pool.free);
        },
      }),
    "loop",
  ),
  poolSaboteur("takes waiting for a stall", ["stall/waiting-is-not-stalling"], (pool) => {
    const listeners = new Set<(event: PoolEvent) => void>();
    return but(pool, {
      onEvent(listener) {
        listeners.add(listener);
        const unlisten = pool.onEvent(listener);
        return () => {
          listeners.delete(listener);
          unlisten();
        };
      },
      run(request) {
        const execution = pool.run(request);
        const { id, task } = request;
        const watch = setTimeout(() => {
          for (const listener of listeners)
            listener({ type: "stalled", executor: "kit#1", running: [{ id, task }], stalledMs: 300 });
        }, 300);
        void execution.outcome.then(() => clearTimeout(watch));
        return execution;
      },
    });
  }),

  poolSaboteur("waits for what runs before it closes", ["close/gives-back-what-runs"], (pool) =>
    but(pool, {
      async close() {
        await new Promise((resolve) => setTimeout(resolve, pool.free < pool.capacity ? 4_500 : 0));
        await pool.close();
      },
    }),
  ),
  poolSaboteur("calls what it gave back killed", ["close/gives-back-what-runs"], (pool) =>
    butOutcomes(pool, (outcome) => (outcome.type === "abandoned" ? { type: "killed", reason: "shutdown" } : outcome)),
  ),
  poolSaboteur("works on after close", ["close/is-final-and-idempotent"], (pool) => {
    return but(pool, {
      async close() {
        setTimeout(() => void pool.close(), 500);
      },
    });
  }),
  poolSaboteur("keeps the process alive after close", ["close/leaves-nothing-running"], (pool) =>
    but(pool, {
      async start(context) {
        const forgotten = createServer().listen(0, "127.0.0.1");
        // So that the test itself can end.
        setTimeout(() => forgotten.close(), 20_000).unref();
        await pool.start(context);
      },
    }),
  ),
];
