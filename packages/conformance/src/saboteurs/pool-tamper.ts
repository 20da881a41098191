import type { Execution, Outcome, Pool, PoolContext, PoolEvent, RunRequest } from "@lovage/core/contracts";
import { type Kind, poolHarness } from "./reference-pools.ts";
import { type PoolSaboteur, SHORT_PATIENCE_MS } from "./saboteur.ts";
import { but } from "./tamper.ts";

type Tamper = Parameters<typeof poolHarness>[2];

export function poolSaboteur(
  name: string,
  caughtBy: readonly string[],
  tamper: Tamper,
  kind: Kind = "thread",
): PoolSaboteur {
  return { name, caughtBy, harness: () => poolHarness(name, kind, tamper, SHORT_PATIENCE_MS) };
}

/** The same pool, but its executions are changed before they are handed over. */
export function butRuns(pool: Pool, change: (execution: Execution, request: RunRequest) => Execution): Pool {
  return but(pool, { run: (request) => change(pool.run(request), request) });
}

/** The same pool, but its outcomes are. */
export function butOutcomes(pool: Pool, change: (outcome: Outcome) => Outcome | Promise<Outcome>): Pool {
  return butRuns(pool, (execution) => but(execution, { outcome: execution.outcome.then(change) }));
}

/** The same pool, but its events are changed, or kept back where there is nothing in their place. */
export function butEvents(pool: Pool, change: (event: PoolEvent) => PoolEvent | undefined): Pool {
  return but(pool, {
    onEvent: (listener) =>
      pool.onEvent((event) => {
        const changed = change(event);
        if (changed !== undefined) listener(changed);
      }),
  });
}

/** The same pool, but it is started with another context. */
export function butContext(pool: Pool, change: (context: PoolContext) => PoolContext): Pool {
  return but(pool, { start: (context) => pool.start(change(context)) });
}
