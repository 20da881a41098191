/**
 * The composition behind the `lovage` command, for programs that compose the same way: brokers, result stores and pools by URL and
 * name, a worker as a process.
 */

export type { AdapterOptions, BrokerModule, PoolModule, Purpose } from "./adapters/adapter-module.ts";
export {
  type Connection,
  type ConnectOptions,
  connect,
  DEFAULT_BROKER_URL,
  type OpenOptions,
  openBroker,
  openResults,
} from "./adapters/open.ts";
export { openPool } from "./adapters/open-pool.ts";
export { openApp } from "./app-file.ts";
export { EXIT, type ExitCode, exitCodeOf } from "./exit-codes.ts";
export { availableCpus } from "./flags/cpu-quota.ts";
export { type PoolFlag, parsePoolFlag } from "./flags/pool-flags.ts";
export { parseQueueFlags, type QueueFlag } from "./flags/queue-flags.ts";
export { createLog, type Log, type LogOptions } from "./output/log.ts";
export type { Composition } from "./worker/banner.ts";
export { type ComposeOptions, composeWorker } from "./worker/compose.ts";
export { type PlanRequest, planWorker, type WorkerPlan } from "./worker/plan.ts";
export { type RunWorkerOptions, runWorker } from "./worker/run.ts";
