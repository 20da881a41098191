/** The pool that contains everything: one task at a time in each child process. */

import { availableParallelism } from "node:os";
import type { Pool, PoolCapabilities, RecycleOptions } from "@lovage/core/contracts";
import { type ChildOptions, childProcessRuntime, createPool, evenly, slotsOf } from "@lovage/core/executors";

export interface ProcessPoolOptions extends ChildOptions {
  /** Child processes, one task each. Each costs 12 MiB and more of memory, even idle. Default: the processors available to this process. */
  readonly size?: number;
  /** How long an executor may take to import the app module, in ms; then the start has failed. Default 30,000. */
  readonly importTimeoutMs?: number;
  /** A child is replaced, its successor first, when one of these is reached. `memory` is its RSS. Default never. */
  readonly recycle?: RecycleOptions;
}

const CAPABILITIES: PoolCapabilities = {
  isolation: "process",
  kill: "always",
  killTakesNeighbours: false,
  recycles: true,
  reportsMemory: true,
  passing: "copy",
};

/** Throws `ConfigurationError` for options that cannot work. */
export function processPool(options: ProcessPoolOptions = {}): Pool {
  return createPool({
    kind: "process",
    capabilities: CAPABILITIES,
    runtime: childProcessRuntime(options),
    size: options.size ?? availableParallelism(),
    layout: (size) => evenly(slotsOf(size, "process"), size),
    shared: false,
    recycle: options.recycle,
    importTimeoutMs: options.importTimeoutMs,
  });
}
