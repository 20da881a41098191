/** Which queues and pools an app has: what it says, completed by the defaults. */

import {
  DEFAULT_POOL,
  type PoolOptions,
  type QueueOptions,
  type RouteOptions,
  type TaskDefinition,
  type TaskOptions,
} from "../contracts/task.ts";
import { durationMs } from "./duration.ts";
import { checkInteger, checkKeys, checkQueueName, checkTaskOptions, fail, POLICY_KEYS } from "./option-check.ts";

/** Waiting work in an event pool, computing work in a process pool; each with the queue of its name. */
const DEFAULT_POOLS: Readonly<Record<string, PoolOptions>> = {
  [DEFAULT_POOL]: { kind: "event" },
  cpu: { kind: "process" },
};

const QUEUE_KEYS = ["pool", "weight", "lease", "maxDead", "deadRetention", "defaults"];
const MIN_LEASE_MS = 1_000;

export interface Topology {
  readonly pools: Readonly<Record<string, PoolOptions>>;
  /** Every queue that options, tasks or routes name, each with its pool. */
  readonly queues: Readonly<Record<string, QueueOptions>>;
  /** Serves queues that have no pool of their own name. */
  readonly defaultPool: string;
  readonly defaultQueue: string;
}

export interface TopologyOptions {
  readonly pools: Readonly<Record<string, PoolOptions>> | undefined;
  readonly queues: Readonly<Record<string, QueueOptions>> | undefined;
  readonly routes: Readonly<Record<string, string | RouteOptions>>;
  readonly defaults: TaskOptions;
}

/** Checks names, values and references between them; throws `ConfigurationError`. */
export function topologyOf(options: TopologyOptions, tasks: Iterable<TaskDefinition>): Topology {
  const pools = options.pools ?? DEFAULT_POOLS;
  checkPools(pools);
  const poolNames = Object.keys(pools);
  const defaultPool = DEFAULT_POOL in pools ? DEFAULT_POOL : (poolNames[0] as string);
  const defaultQueue = options.defaults.queue ?? options.defaults.pool ?? defaultPool;
  const given = options.queues ?? {};
  checkKeys(given, Object.keys(given), "createApp({ queues })");
  for (const [name, queue] of Object.entries(given)) checkQueue(name, queue);

  const named = new Set([...(options.queues === undefined ? poolNames : []), ...Object.keys(given), defaultQueue]);
  for (const task of tasks) {
    const queue = task.options.queue ?? task.options.pool;
    if (queue !== undefined) named.add(queue);
  }
  for (const route of Object.values(options.routes)) {
    const queue = typeof route === "string" ? route : route.queue;
    if (queue !== undefined) named.add(queue);
  }
  const queues: Record<string, QueueOptions> = {};
  for (const name of named) {
    const pool = given[name]?.pool ?? (name in pools ? name : defaultPool);
    if (!(pool in pools)) {
      fail(`queue "${name}" is served by pool "${pool}", which does not exist; there are: ${poolNames.join(", ")}`, {
        queue: name,
        pool,
      });
    }
    queues[name] = { ...given[name], pool };
  }
  return { pools, queues, defaultPool, defaultQueue };
}

function checkPools(pools: Readonly<Record<string, PoolOptions>>): void {
  checkKeys(pools, Object.keys(pools), "createApp({ pools })");
  if (Object.keys(pools).length === 0) fail("createApp({ pools }) names no pool; leave it out for the default ones");
  for (const [name, pool] of Object.entries(pools)) {
    checkQueueName(name, "createApp({ pools }): pool");
    if (typeof pool !== "object" || pool === null || typeof pool.kind !== "string" || pool.kind === "") {
      fail(`pool "${name}" needs a kind: event, process, thread or solo`, { pool: name });
    }
    if (pool.size !== undefined) checkInteger(pool.size, 1, Number.MAX_SAFE_INTEGER, `pool "${name}": size`);
    if (pool.buffer !== undefined && pool.buffer !== "auto") {
      checkInteger(pool.buffer, 0, Number.MAX_SAFE_INTEGER, `pool "${name}": buffer`);
    }
    if (pool.recycle !== undefined) checkRecycle(pool.recycle, `pool "${name}": recycle`);
  }
}

function checkRecycle(recycle: NonNullable<PoolOptions["recycle"]>, where: string): void {
  checkKeys(recycle, ["tasks", "memory", "age", "idle"], where);
  if (recycle.tasks !== undefined) checkInteger(recycle.tasks, 1, Number.MAX_SAFE_INTEGER, `${where}.tasks`);
  if (recycle.memory !== undefined) checkInteger(recycle.memory, 1, Number.MAX_SAFE_INTEGER, `${where}.memory`);
  if (recycle.age !== undefined) durationMs(recycle.age, `${where}.age`);
  if (recycle.idle !== undefined) durationMs(recycle.idle, `${where}.idle`);
}

function checkQueue(name: string, queue: QueueOptions): void {
  checkQueueName(name, "createApp({ queues }): queue");
  const where = `queue "${name}"`;
  checkKeys(queue, QUEUE_KEYS, where);
  if (queue.weight !== undefined && !(Number.isFinite(queue.weight) && queue.weight > 0)) {
    fail(`${where}: weight must be a number above 0, not ${String(queue.weight)}`, { queue: name });
  }
  if (queue.lease !== undefined && durationMs(queue.lease, `${where}: lease`) < MIN_LEASE_MS) {
    fail(`${where}: lease must be at least ${MIN_LEASE_MS} ms, so that a pause of the worker does not lose it`, {
      queue: name,
    });
  }
  if (queue.maxDead !== undefined) checkInteger(queue.maxDead, 0, Number.MAX_SAFE_INTEGER, `${where}: maxDead`);
  if (queue.deadRetention !== undefined) durationMs(queue.deadRetention, `${where}: deadRetention`);
  if (queue.defaults !== undefined) checkTaskOptions(queue.defaults, POLICY_KEYS, `${where}: defaults`);
}
