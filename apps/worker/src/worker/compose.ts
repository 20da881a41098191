import type { AppSource, Pool } from "@lovage/core/contracts";
import { createWorker, type WorkerPool } from "@lovage/core/engine";
import { type OpenOptions, openPlaces } from "../adapters/open.ts";
import { openPool } from "../adapters/open-pool.ts";
import type { Composition } from "./banner.ts";
import { type LimitFlags, withLimits } from "./limits.ts";
import { type PlanRequest, planWorker } from "./plan.ts";

export interface ComposeOptions extends PlanRequest, LimitFlags {
  readonly app: AppSource;
  /** URL of the broker. */
  readonly broker: string;
  /** URL of the result store, or `none`. Default: at the broker's place, if results can be kept there for anyone. */
  readonly results?: string;
  readonly name?: string;
  readonly version?: string;
  readonly graceMs?: number;
  readonly open?: OpenOptions;
}

/**
 * A worker that is not yet started, from an app, URLs and pools. Nothing is connected, and no executor runs, until `worker.start()`.
 * Rejects with `ConfigurationError` for anything that cannot work.
 */
export async function composeWorker(options: ComposeOptions): Promise<Composition> {
  const app: AppSource = { ...options.app, definition: withLimits(options.app.definition, options) };
  const plan = planWorker(app.definition, options);
  const [{ broker, results }, opened] = await Promise.all([
    openPlaces(
      { broker: options.broker, ...(options.results === undefined ? {} : { results: options.results }) },
      options.open,
    ),
    Promise.all(
      Object.entries(plan.pools).map(
        async ([name, { buffer: _, ...spec }]): Promise<[string, Pool]> => [name, await openPool(spec, options.open)],
      ),
    ),
  ]);
  const pools = Object.fromEntries(opened);
  const workerPools = Object.fromEntries(
    opened.map(([name, pool]): [string, WorkerPool] => {
      const buffer = plan.pools[name]?.buffer;
      return [name, { pool, ...(buffer === undefined ? {} : { buffer }) }];
    }),
  );
  const { name, version, graceMs } = options;
  const worker = createWorker({
    app,
    broker,
    ...(results === undefined ? {} : { results }),
    pools: workerPools,
    queues: plan.queues,
    ...(name === undefined ? {} : { name }),
    ...(version === undefined ? {} : { version }),
    ...(graceMs === undefined ? {} : { graceMs }),
  });
  return { app: app.definition, broker, ...(results === undefined ? {} : { results }), plan, pools, worker };
}
