import type { Execution, Outcome, PoolContext } from "@lovage/core/contracts";
import { butContext, butOutcomes, butRuns, poolSaboteur } from "./pool-tamper.ts";
import { soundPool } from "./reference-pools.ts";
import type { PoolSaboteur } from "./saboteur.ts";
import { but } from "./tamper.ts";

type LogEntries = Parameters<PoolContext["onLog"]>[0];

const closed = (): Outcome => ({ type: "abandoned", reason: "the pool is closed" });

/** Pools that run tasks, hand over what they say, and abort them otherwise than promised. */
export const running: readonly PoolSaboteur[] = [
  poolSaboteur("loses a value at the boundary", ["dispatch/returns-with-value-and-times"], (pool) =>
    butOutcomes(pool, (outcome) =>
      outcome.type === "returned" ? (({ value: _value, ...rest }) => rest)(outcome) : outcome,
    ),
  ),
  poolSaboteur("takes the bytes of a value for Latin", ["dispatch/bytes-and-aliases"], (pool) =>
    butOutcomes(pool, (outcome) =>
      outcome.type === "returned" && outcome.value !== undefined
        ? { ...outcome, value: Buffer.from(outcome.value as string).toString("latin1") }
        : outcome,
    ),
  ),
  poolSaboteur("keeps what it has no slot for in a queue of its own", ["dispatch/slots-are-counted"], (pool) => {
    let last: Promise<unknown> = Promise.resolve();
    return but(pool, {
      run(request) {
        if (pool.free > 0) {
          const execution = pool.run(request);
          last = execution.outcome;
          return execution;
        }
        const late = last.then(() => pool.run(request).outcome);
        // Closed before its turn came.
        return { outcome: late.catch(closed), abort() {}, kill: async () => {} };
      },
    });
  }),
  poolSaboteur("mixes up the outcomes of one tick", ["dispatch/each-run-has-its-own-outcome"], (pool) => {
    let previous: Execution | undefined;
    return butRuns(pool, (execution) => {
      const swapped = previous;
      previous = swapped === undefined ? execution : undefined;
      return swapped === undefined ? execution : but(execution, { outcome: swapped.outcome });
    });
  }),
  poolSaboteur("has outcomes that reject", ["dispatch/throwing-is-an-outcome"], (pool) =>
    butOutcomes(pool, (outcome) => {
      if (outcome.type === "threw") throw new Error(outcome.error.message);
      return outcome;
    }),
  ),
  poolSaboteur("tries again what cannot be run", ["dispatch/what-cannot-be-run-fails-for-good"], (pool) =>
    butOutcomes(pool, (outcome) =>
      outcome.type === "threw" ? (({ directive: _directive, ...rest }) => rest)(outcome) : outcome,
    ),
  ),
  poolSaboteur("forgets the headers of a message", ["dispatch/tasks-know-their-run"], (pool) =>
    but(pool, { run: (request) => pool.run({ ...request, headers: { task: request.task } }) }),
  ),
  poolSaboteur(
    "runs on the caller's loop and calls it a thread",
    ["dispatch/never-on-the-callers-loop", "dispatch/in-a-thread-of-its-own"],
    (pool, { recycle: _recycle, ...settings }) =>
      but(soundPool("inline", { ...settings, size: settings.size ?? 2 }), { capabilities: pool.capabilities }),
  ),
  poolSaboteur("calls a thread a loop", ["dispatch/on-a-loop-with-neighbours"], (pool) =>
    but(pool, { capabilities: { ...pool.capabilities, isolation: "loop" } }),
  ),
  poolSaboteur("calls a thread a process", ["dispatch/in-another-process"], (pool) =>
    but(pool, { capabilities: { ...pool.capabilities, isolation: "process" } }),
  ),
  poolSaboteur(
    "calls a thread the caller's own, and values references",
    ["dispatch/on-the-callers-loop", "boundary/references-stay-in-the-process"],
    (pool) => but(pool, { capabilities: { ...pool.capabilities, isolation: "none", passing: "reference" } }),
  ),

  poolSaboteur(
    "drops every tenth line that a task logs",
    ["boundary/logs-and-progress-come-in-order-and-before-the-outcome"],
    (pool) => {
      let count = 0;
      return butContext(pool, (context) => ({
        ...context,
        onLog: (entries) => context.onLog(entries.filter(() => ++count % 10 !== 0)),
      }));
    },
  ),
  poolSaboteur(
    "hands over the logs after the outcome",
    ["boundary/logs-and-progress-come-in-order-and-before-the-outcome"],
    (pool) =>
      butContext(pool, (context) => ({
        ...context,
        onLog: (entries: LogEntries) => void setTimeout(() => context.onLog(entries), 50),
      })),
  ),
  poolSaboteur(
    "lets tasks enqueue and does not tell the engine",
    ["boundary/tasks-enqueue-through-the-engine"],
    (pool) =>
      butContext(pool, (context) => ({
        ...context,
        client: but(context.client, {
          publish: async (messages) => messages.map(({ id }) => ({ id, status: "accepted" })),
        }),
      })),
  ),
  poolSaboteur("prints to nowhere", ["boundary/output-comes-as-lines"], (pool) =>
    but(pool, { onEvent: (listener) => pool.onEvent((event) => void (event.type === "output" || listener(event))) }),
  ),
  poolSaboteur("reads a body when it comes to it", ["boundary/values-are-copies"], (pool) =>
    but(pool, {
      run(request) {
        const begun = new Promise((resolve) => setTimeout(resolve, 30)).then(() => pool.run(request));
        return {
          outcome: begun.then(({ outcome }) => outcome).catch(closed),
          abort: (reason) => void begun.then((execution) => execution.abort(reason)).catch(() => {}),
          kill: async (reason) => (await begun).kill(reason),
        };
      },
    }),
  ),

  poolSaboteur("forgets to abort", ["abort/aborts-the-signal"], (pool) =>
    butRuns(pool, (execution) => but(execution, { abort() {} })),
  ),
  poolSaboteur("calls an aborted task one that threw", ["abort/aborts-the-signal"], (pool) =>
    butOutcomes(pool, (outcome) => (outcome.type === "aborted" ? { ...outcome, type: "threw" } : outcome)),
  ),
  poolSaboteur("calls a task aborted that returned", ["abort/returning-after-abort-is-returning"], (pool) =>
    butRuns(pool, (execution) => {
      let aborted = false;
      const error = { name: "Error", message: "aborted" };
      return but(execution, {
        abort(reason) {
          aborted = true;
          execution.abort(reason);
        },
        outcome: execution.outcome.then(
          (outcome): Outcome => (aborted ? { type: "aborted", reason: "cancelled", error } : outcome),
        ),
      });
    }),
  ),
  poolSaboteur(
    "aborts whoever is aboard",
    ["abort/aborts-one-of-many"],
    (pool) => {
      const aboard = new Set<Execution>();
      return butRuns(pool, (execution) => {
        aboard.add(execution);
        return but(execution, {
          abort(reason) {
            for (const each of aboard) each.abort(reason);
          },
        });
      });
    },
    "loop",
  ),
];
