import type { PoolEvent, PoolStats } from "@lovage/core/contracts";
import { butEvents, poolSaboteur } from "./pool-tamper.ts";
import { soundPool } from "./reference-pools.ts";
import type { PoolSaboteur } from "./saboteur.ts";
import { but } from "./tamper.ts";

/** Pools that start, resize, recycle and count otherwise than promised. */
export const growing: readonly PoolSaboteur[] = [
  poolSaboteur("shrinks too far", ["size/reaches-exactly-the-target"], (pool) =>
    but(pool, { resize: (size) => pool.resize(size < pool.capacity ? Math.max(1, size - 1) : size) }),
  ),
  poolSaboteur("remembers the first of many sizes", ["size/a-storm-ends-at-the-last-word"], (pool) => {
    let reaching: Promise<void> | undefined;
    return but(pool, {
      resize(size) {
        reaching ??= pool.resize(size).finally(() => {
          reaching = undefined;
        });
        return reaching;
      },
    });
  }),
  poolSaboteur("grows late, and says that it is done", ["size/reaches-exactly-the-target"], (pool) =>
    but(pool, {
      async resize(size) {
        if (size > pool.capacity) void pool.resize(size).catch(() => {});
        else await pool.resize(size);
      },
    }),
  ),
  poolSaboteur("has shrunk while tasks still run", ["size/shrinking-lets-tasks-finish"], (pool) =>
    but(pool, {
      async resize(size) {
        void pool.resize(size).catch(() => {});
      },
    }),
  ),
  poolSaboteur("takes any size", ["size/refuses-what-it-cannot-have"], (_pool, settings) => {
    const size = Number.isInteger(settings.size) && (settings.size ?? 0) > 0 ? settings.size : undefined;
    const pool = soundPool("thread", { ...settings, ...(size === undefined ? {} : { size }) });
    return but(pool, { resize: async (wanted) => (wanted >= 1 ? pool.resize(Math.floor(wanted)) : undefined) });
  }),
  {
    name: "takes any size, though it can have one slot only",
    caughtBy: ["size/has-one-slot"],
    harness: () => ({
      name: "two slots",
      sizes: "one",
      shared: false,
      create: (settings) => soundPool("thread", settings),
    }),
  },
  poolSaboteur("changes its capacity without an event", ["size/changes-are-announced"], (pool) =>
    butEvents(pool, (event) => (event.type === "capacity-changed" ? undefined : event)),
  ),

  poolSaboteur("recycles without a successor", ["recycle/by-tasks", "recycle/by-age"], (pool) => {
    const held: PoolEvent[] = [];
    let begun = false;
    return but(pool, {
      async start(context) {
        await pool.start(context);
        begun = true;
      },
      // As if the new one were started when the old one has ended.
      onEvent: (listener) =>
        pool.onEvent((event) => {
          if (begun && event.type === "executor-started") {
            held.push(event);
            return;
          }
          listener(event);
          if (event.type === "executor-ended") for (const late of held.splice(0)) listener(late);
        }),
    });
  }),
  poolSaboteur(
    "never recycles",
    ["recycle/by-tasks", "recycle/by-memory", "recycle/by-idleness"],
    (_pool, settings) => {
      const { recycle: _recycle, ...others } = settings;
      return soundPool("thread", others);
    },
  ),
  poolSaboteur(
    "gives new tasks to the executor that is to go",
    ["recycle/running-tasks-finish"],
    (_pool, settings) => {
      const { recycle: _recycle, ...others } = settings;
      return soundPool("loop", others);
    },
    "loop",
  ),
  poolSaboteur("counts no recycling", ["recycle/by-tasks"], (pool) =>
    but(pool, { stats: () => ({ ...pool.stats(), recycled: 0 }) }),
  ),
  poolSaboteur("ignores that it was asked to recycle", ["recycle/is-refused"], (pool) =>
    but(pool, { capabilities: { ...pool.capabilities, recycles: false } }),
  ),
  {
    name: "takes bounds that mean nothing",
    caughtBy: ["recycle/refuses-bounds-that-mean-nothing"],
    harness: () => ({
      name: "never recycles",
      sizes: "any",
      shared: false,
      create: ({ recycle: _recycle, ...settings }) => soundPool("thread", settings),
    }),
  },

  poolSaboteur("counts nothing", ["statistics/count-what-was", "dispatch/slots-are-counted"], (pool) =>
    but(pool, {
      stats: (): PoolStats => ({
        ...pool.stats(),
        executors: pool.stats().executors.map((executor) => ({ ...executor, finished: 0, busyMs: 0 })),
        finished: 0,
        crashed: 0,
        killed: 0,
      }),
    }),
  ),
  poolSaboteur("says that it reports memory, and does not", ["statistics/memory-is-told"], (pool) =>
    but(pool, {
      stats: () => ({
        ...pool.stats(),
        executors: pool.stats().executors.map((each) => ({ ...each, memoryBytes: 0 })),
      }),
    }),
  ),
  poolSaboteur("says 0 for memory that it does not know", ["statistics/memory-is-unknown"], (pool) =>
    but(pool, {
      capabilities: { ...pool.capabilities, reportsMemory: false },
      stats: () => ({
        ...pool.stats(),
        executors: pool.stats().executors.map((each) => ({ ...each, memoryBytes: 0 })),
      }),
    }),
  ),

  poolSaboteur(
    "starts although the module throws",
    ["start/import-throws", "start/import-exits", "start/task-missing", "start/hook-throws"],
    (pool) => but(pool, { start: (context) => pool.start(context).catch(() => {}) }),
  ),
  poolSaboteur("does not say what kept it from starting", ["start/import-throws", "start/hook-throws"], (pool) =>
    but(pool, {
      start: (context) =>
        pool.start(context).catch((error: { code?: string }) => {
          throw Object.assign(new Error("could not start"), { code: error.code });
        }),
    }),
  ),
  poolSaboteur("counts executors that did not start", ["start/import-throws"], (pool) => {
    let failed = false;
    return but(pool, {
      async start(context) {
        await pool.start(context).catch((error: unknown) => {
          failed = true;
          throw error;
        });
      },
      get capacity() {
        return failed ? 1 : pool.capacity;
      },
    });
  }),
  poolSaboteur("starts without its hook", ["start/hooks-run-once-per-executor"], (pool) =>
    butEvents(pool, (event) => (event.type === "output" && event.line === "executor started" ? undefined : event)),
  ),
];
