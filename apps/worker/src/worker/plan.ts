/** Which pools a worker runs and which queues each serves: pure, from the app's definition and what was asked on the command line. */

import { declarationOf } from "@lovage/core";
import {
  type AppDefinition,
  ConfigurationError,
  DEFAULT_POOL,
  type PoolOptions,
  type RecycleOptions,
} from "@lovage/core/contracts";
import type { WorkerQueue } from "@lovage/core/engine";
import type { PoolFlag } from "../flags/pool-flags.ts";
import type { QueueFlag } from "../flags/queue-flags.ts";

/** Every member is what a flag asked; what is absent is left to the app, then to the defaults. */
export interface PlanRequest {
  /** One pool for every queue. */
  readonly single?: PoolFlag;
  readonly pools?: readonly PoolFlag[];
  /** Only these queues are served. */
  readonly queues?: readonly QueueFlag[];
  readonly recycle?: RecycleOptions;
  readonly buffer?: number | "auto";
  /** Tasks run on the engine's own loop. */
  readonly inline?: boolean;
}

export interface WorkerPlan {
  readonly pools: Readonly<Record<string, PoolOptions>>;
  readonly queues: readonly WorkerQueue[];
}

const INLINE_KINDS: readonly string[] = ["event", "solo"];

/** A flag replaces kind and size; the other settings of the pool in the app stay when its kind does. */
function withFlag(known: PoolOptions | undefined, flag: PoolFlag): PoolOptions {
  const size = flag.size === undefined ? {} : { size: flag.size };
  if (known === undefined) return { kind: flag.kind, ...size };
  if (known.kind === flag.kind) return { ...known, ...size };
  const { recycle, buffer } = known;
  return {
    kind: flag.kind,
    ...size,
    ...(recycle === undefined ? {} : { recycle }),
    ...(buffer === undefined ? {} : { buffer }),
  };
}

function knownPools(app: AppDefinition, request: PlanRequest): Record<string, PoolOptions> {
  const known: Record<string, PoolOptions> = { ...app.pools };
  const flags = request.pools ?? [];
  const twice = flags.find((flag, index) => flags.findIndex((other) => other.name === flag.name) !== index);
  if (twice !== undefined) throw new ConfigurationError(`--pool: pool "${twice.name}" is given twice`);
  for (const flag of flags) known[flag.name] = withFlag(known[flag.name], flag);
  if (request.single !== undefined) {
    if (flags.length > 0)
      throw new ConfigurationError("-P is one pool for everything, --pool one of several: use one or the other");
    known[request.single.name] = withFlag(undefined, request.single);
  }
  return known;
}

function queueNames(app: AppDefinition, request: PlanRequest): readonly string[] {
  const asked = request.queues ?? [];
  if (asked.length > 0) return asked.map((queue) => queue.name);
  const names = new Set(app.tasks.names().map((task) => app.resolve(task).queue));
  for (const name of Object.keys(app.queues)) names.add(name);
  if (names.size === 0) {
    throw new ConfigurationError(
      "the app registers no task and declares no queue, so there is nothing to work on; add tasks to createApp({ tasks })",
    );
  }
  return [...names].sort();
}

function poolOf(
  queue: string,
  app: AppDefinition,
  request: PlanRequest,
  known: Readonly<Record<string, PoolOptions>>,
): string {
  const flag = request.queues?.find((candidate) => candidate.name === queue);
  // A pool that only the command line knows cannot have been left out by the app on purpose.
  const named = queue in known && !(queue in app.pools) ? queue : undefined;
  const general = DEFAULT_POOL in known ? DEFAULT_POOL : Object.keys(known)[0];
  const pool = flag?.pool ?? request.single?.name ?? named ?? app.queues[queue]?.pool ?? general ?? DEFAULT_POOL;
  if (pool in known) return pool;
  const asked = flag?.pool === undefined ? `queue "${queue}" of the app` : `-Q ${pool}:${queue}`;
  throw new ConfigurationError(
    `${asked} goes to pool "${pool}", which does not exist; pools are ${Object.keys(known).join(", ")}; add --pool ${pool}=event:100 or correct the name`,
    { subject: { queue, pool } },
  );
}

/** `task(..., { pool })` is a demand, not a route. One pool for everything was asked knowingly, so it overrules. */
function checkTaskPools(app: AppDefinition, queues: readonly WorkerQueue[]): void {
  for (const definition of app.tasks) {
    const demanded = definition.options.pool;
    if (demanded === undefined) continue;
    const { queue } = app.resolve(definition.name);
    const served = queues.find((candidate) => candidate.name === queue);
    if (served !== undefined && served.pool !== demanded) {
      throw new ConfigurationError(
        `task "${definition.name}" must run in pool "${demanded}", but its queue "${queue}" is served by pool "${served.pool}"; add -Q ${demanded}:${queue}, or route the task to another queue`,
        { subject: { task: definition.name, queue, pool: served.pool } },
      );
    }
  }
}

function poolOptions(name: string, options: PoolOptions, request: PlanRequest): PoolOptions {
  if (request.inline === true && !INLINE_KINDS.includes(options.kind)) {
    throw new ConfigurationError(
      `--inline runs tasks on the engine's own loop, which pool "${name}" of kind ${options.kind} cannot; inline are ${INLINE_KINDS.join(" and ")}`,
    );
  }
  return {
    ...options,
    ...(request.recycle === undefined ? {} : { recycle: request.recycle }),
    ...(request.buffer === undefined ? {} : { buffer: request.buffer }),
    ...(request.inline === true ? { inline: true } : {}),
  };
}

/** Throws `ConfigurationError` for what cannot work. Pools that serve none of the queues are not started. */
export function planWorker(app: AppDefinition, asked: PlanRequest): WorkerPlan {
  const implied = asked.inline === true && asked.single === undefined && (asked.pools ?? []).length === 0;
  const request: PlanRequest = implied ? { ...asked, single: { name: "main", kind: "event" } } : asked;
  const known = knownPools(app, request);
  const queues = queueNames(app, request).map((name): WorkerQueue => {
    const weight = request.queues?.find((queue) => queue.name === name)?.weight ?? app.queues[name]?.weight;
    return {
      name,
      pool: poolOf(name, app, request, known),
      ...(weight === undefined ? {} : { weight }),
      declaration: declarationOf(name, app.queues[name]),
    };
  });
  if (request.single === undefined) checkTaskPools(app, queues);
  const idle = request.pools?.find((flag) => !queues.some((queue) => queue.pool === flag.name));
  if (idle !== undefined) {
    throw new ConfigurationError(
      `--pool ${idle.name}: no queue is served by it (queues: ${queues.map((queue) => queue.name).join(", ")}); add -Q ${idle.name}:<queue>, or use -P ${idle.kind} for one pool that serves all`,
    );
  }
  const used = [...new Set(queues.map((queue) => queue.pool))].sort();
  return {
    pools: Object.fromEntries(used.map((name) => [name, poolOptions(name, known[name] as PoolOptions, request)])),
    queues,
  };
}
