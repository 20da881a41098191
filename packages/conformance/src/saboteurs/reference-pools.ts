import type { Pool } from "@lovage/core/contracts";
import { createPool, evenly, inlineRuntime, loopThreadRuntime, slotsOf } from "@lovage/core/executors";
import type { PoolHarness, PoolSettings } from "../pool/harness.ts";

/** Pools that keep every promise, to be broken: a thread for each run, one loop for many, and the caller's own loop. */
export type Kind = "thread" | "loop" | "inline";

const SHAPES: Readonly<Record<Kind, Pick<PoolHarness, "sizes" | "shared">>> = {
  thread: { sizes: "any", shared: false },
  loop: { sizes: "any", shared: true },
  inline: { sizes: "any", shared: true },
};

export function soundPool(kind: Kind, settings: PoolSettings): Pool {
  const { size = kind === "thread" ? 2 : 10, recycle, importTimeoutMs, ...thread } = settings;
  const { shared } = SHAPES[kind];
  return createPool({
    kind,
    capabilities:
      kind === "inline"
        ? {
            isolation: "none",
            kill: "never",
            killTakesNeighbours: false,
            recycles: false,
            reportsMemory: false,
            passing: "copy",
          }
        : {
            isolation: kind,
            kill: "javascript",
            killTakesNeighbours: shared,
            recycles: true,
            reportsMemory: true,
            passing: "copy",
          },
    runtime: kind === "inline" ? inlineRuntime : loopThreadRuntime(thread),
    size,
    layout: (slots) => evenly(slotsOf(slots, kind), shared ? 1 : slots),
    shared,
    recycle,
    importTimeoutMs,
  });
}

/** `tamper` is given the settings too, and may make the pool itself. */
export function poolHarness(
  name: string,
  kind: Kind,
  tamper: (pool: Pool, settings: PoolSettings) => Pool,
  patienceMs?: number,
): PoolHarness {
  return {
    name,
    ...SHAPES[kind],
    ...(patienceMs === undefined ? {} : { patienceMs }),
    create: (settings) => tamper(soundPool(kind, settings), settings),
  };
}
