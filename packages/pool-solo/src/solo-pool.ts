/** The pool for one task at a time: order matters more than speed, or a library bears no company. */

import { ConfigurationError, type Pool, type PoolCapabilities, type RecycleOptions } from "@lovage/core/contracts";
import { createPool, inlineRuntime, loopThreadRuntime, type ThreadOptions } from "@lovage/core/executors";

export interface SoloPoolOptions extends ThreadOptions {
  /** 1, or left out. Anything else is an error: solo is the pool that has one slot. */
  readonly size?: number;
  /** The task runs on the caller's own loop: for tests and embedding. Nothing is isolated and `kill` does not work. Default false. */
  readonly inline?: boolean;
  /** How long an executor may take to import the app module, in ms; then the start has failed. Default 30,000. */
  readonly importTimeoutMs?: number;
  /** The thread is replaced, its successor first, when one of these is reached. Default never. */
  readonly recycle?: RecycleOptions;
}

const THREAD: PoolCapabilities = {
  isolation: "thread",
  kill: "javascript",
  killTakesNeighbours: false,
  recycles: true,
  reportsMemory: true,
  passing: "copy",
};

const INLINE: PoolCapabilities = {
  isolation: "none",
  kill: "never",
  killTakesNeighbours: false,
  recycles: false,
  reportsMemory: false,
  passing: "copy",
};

/** Throws `ConfigurationError` for options that cannot work. */
export function soloPool(options: SoloPoolOptions = {}): Pool {
  const { inline = false, recycle } = options;
  if (inline && recycle !== undefined)
    throw new ConfigurationError("an inline solo pool has no thread to recycle; leave out recycle", {
      subject: { kind: "solo" },
    });
  return createPool({
    kind: "solo",
    capabilities: inline ? INLINE : THREAD,
    runtime: inline ? inlineRuntime : loopThreadRuntime(options),
    size: options.size ?? 1,
    layout: oneSlot,
    shared: false,
    recycle,
    importTimeoutMs: options.importTimeoutMs,
  });
}

function oneSlot(size: number): readonly number[] {
  if (size === 1) return [1];
  throw new ConfigurationError(
    `a solo pool has one slot, not ${size}; for more at one time choose event (work that waits), thread or process (work that computes)`,
    { subject: { kind: "solo", size } },
  );
}
