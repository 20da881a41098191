/** The pool for work that waits: hundreds of cheap slots on a few loops. */

import { ConfigurationError, type Pool, type PoolCapabilities, type RecycleOptions } from "@lovage/core/contracts";
import {
  childProcessRuntime,
  createPool,
  evenly,
  inlineRuntime,
  loopThreadRuntime,
  slotsOf,
  type ThreadOptions,
} from "@lovage/core/executors";

const SLOTS_PER_LOOP = 100;

export interface EventPoolOptions extends ThreadOptions {
  /** Tasks that may run at one time, over all loops. A slot costs about as much as its task's promise. Default 100 for each loop. */
  readonly size?: number;
  /** Loops that share the slots evenly. A task that computes holds up only its own loop; each loop costs a thread (≈ 10 MiB). Default 1. */
  readonly loops?: number;
  /**
   * Where the loops live. `thread`: cheap; a native crash or memory outside the heap ends the worker. `process`: contained, for the
   * price of a child process per loop. Default `thread`.
   */
  readonly isolation?: "thread" | "process";
  /** Tasks run on the caller's own loop: for tests and embedding. Nothing is isolated, `kill` does not work, one loop only. Default false. */
  readonly inline?: boolean;
  /** How long an executor may take to import the app module, in ms; then the start has failed. Default 30,000. */
  readonly importTimeoutMs?: number;
  /** A loop is replaced, its successor first, when one of these is reached; what runs there may finish. Default never. */
  readonly recycle?: RecycleOptions;
}

const CAPABILITIES = {
  thread: {
    isolation: "loop",
    kill: "javascript",
    killTakesNeighbours: true,
    recycles: true,
    reportsMemory: true,
    passing: "copy",
  },
  process: {
    isolation: "process",
    kill: "always",
    killTakesNeighbours: true,
    recycles: true,
    reportsMemory: true,
    passing: "copy",
  },
  inline: {
    isolation: "none",
    kill: "never",
    killTakesNeighbours: false,
    recycles: false,
    reportsMemory: false,
    passing: "copy",
  },
} as const satisfies Record<string, PoolCapabilities>;

/** Throws `ConfigurationError` for options that cannot work. */
export function eventPool(options: EventPoolOptions = {}): Pool {
  const { inline = false, isolation = "thread" } = options;
  const loops = slotsOf(options.loops ?? 1, "event");
  if (inline && (loops > 1 || options.isolation !== undefined || options.recycle !== undefined))
    throw new ConfigurationError(
      "an inline event pool runs on the caller's only loop; leave out loops, isolation and recycle",
      { subject: { kind: "event" } },
    );
  const place = inline ? "inline" : isolation;
  return createPool({
    kind: "event",
    capabilities: CAPABILITIES[place],
    runtime: inline
      ? inlineRuntime
      : isolation === "process"
        ? childProcessRuntime(options)
        : loopThreadRuntime(options),
    size: options.size ?? loops * SLOTS_PER_LOOP,
    layout: (size) => evenly(slotsOf(size, "event"), loops),
    shared: true,
    recycle: options.recycle,
    importTimeoutMs: options.importTimeoutMs,
  });
}
