/** Everything about a worker that can be known to be wrong before it starts, in one place. */

import { CapabilityMissingError, ConfigurationError, type ResolvedTask } from "../contracts/index.ts";
import type { WorkerOptions } from "./worker-types.ts";

const QUEUE_NAME = /^[A-Za-z0-9._-]{1,128}$/;

/** Throws the first `ConfigurationError` or `CapabilityMissingError` it finds. */
export function checkConfiguration(options: WorkerOptions): void {
  const pools = Object.keys(options.pools);
  if (pools.length === 0) throw new ConfigurationError("a worker needs at least one pool");
  if (options.queues.length === 0) throw new ConfigurationError("a worker needs at least one queue to take work from");
  positive("graceMs", options.graceMs, 0);
  positive("maxStarts", options.maxStarts, 1);
  positive("maxDeliveries", options.maxDeliveries, 1);
  for (const [name, { buffer }] of Object.entries(options.pools))
    if (buffer !== undefined && buffer !== "auto" && !(Number.isInteger(buffer) && buffer >= 0))
      throw new ConfigurationError(`pool "${name}": buffer is "auto" or a whole number from 0, not ${buffer}`);
  const served = new Map<string, string>();
  for (const queue of options.queues) {
    if (!QUEUE_NAME.test(queue.name))
      throw new ConfigurationError(
        `queue "${queue.name}": a name has 1 to 128 characters of A–Z, a–z, 0–9, dot, underscore and hyphen`,
        { subject: { queue: queue.name } },
      );
    if (served.has(queue.name))
      throw new ConfigurationError(`queue "${queue.name}" is given twice`, { subject: { queue: queue.name } });
    if (options.pools[queue.pool] === undefined)
      throw new ConfigurationError(
        `queue "${queue.name}" is routed to pool "${queue.pool}", which does not exist; this worker has ${pools.join(", ")}`,
        { subject: { queue: queue.name, pool: queue.pool } },
      );
    if (queue.weight !== undefined && !(queue.weight > 0))
      throw new ConfigurationError(`queue "${queue.name}": weight must be above 0, not ${queue.weight}`);
    served.set(queue.name, queue.pool);
  }
  for (const name of options.app.definition.tasks.names())
    checkTask(options, served, options.app.definition.resolve(name));
}

function checkTask(options: WorkerOptions, served: ReadonlyMap<string, string>, task: ResolvedTask): void {
  const poolName = served.get(task.queue);
  if (poolName === undefined) return;
  const pool = options.pools[poolName]?.pool;
  if (pool === undefined) return;
  if (task.hardExplicit && pool.capabilities.kill === "never")
    throw new CapabilityMissingError(
      `task "${task.name}" has a hard limit, and pool "${poolName}" (${pool.kind}) cannot end a task by force; ` +
        `route its queue "${task.queue}" to a process or thread pool, or give it a soft limit only`,
      { subject: { capability: "kill", task: task.name, pool: poolName } },
    );
}

function positive(name: string, value: number | undefined, least: number): void {
  if (value !== undefined && !(Number.isFinite(value) && value >= least))
    throw new ConfigurationError(`${name} must be a number from ${least}, not ${value}`);
}
