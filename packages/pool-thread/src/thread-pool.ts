/** The pool for work that computes: one task at a time in each thread. */

import { availableParallelism } from "node:os";
import type { Pool, PoolCapabilities, RecycleOptions } from "@lovage/core/contracts";
import { createPool, evenly, slotsOf, type ThreadOptions } from "@lovage/core/executors";
import { piscinaRuntime } from "./piscina-runtime.ts";

export interface ThreadPoolOptions extends ThreadOptions {
  /** Threads, one task each. Each costs about 10 MiB, even idle. Default: the processors available to this process. */
  readonly size?: number;
  /** How long an executor may take to import the app module, in ms; then the start has failed. Default 30,000. */
  readonly importTimeoutMs?: number;
  /** A thread is replaced, its successor first, when one of these is reached. `memory` is its heap and buffers. Default never. */
  readonly recycle?: RecycleOptions;
}

const CAPABILITIES: PoolCapabilities = {
  isolation: "thread",
  kill: "javascript",
  killTakesNeighbours: false,
  recycles: true,
  reportsMemory: true,
  passing: "copy",
};

/** Throws `ConfigurationError` for options that cannot work. */
export function threadPool(options: ThreadPoolOptions = {}): Pool {
  return createPool({
    kind: "thread",
    capabilities: CAPABILITIES,
    runtime: piscinaRuntime(options),
    size: options.size ?? availableParallelism(),
    layout: (size) => evenly(slotsOf(size, "thread"), size),
    shared: false,
    recycle: options.recycle,
    importTimeoutMs: options.importTimeoutMs,
  });
}
