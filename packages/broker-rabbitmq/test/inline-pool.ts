import type { Pool } from "@lovage/core/contracts";
import { createPool, evenly, inlineRuntime, slotsOf } from "@lovage/core/executors";

/** Tasks on the loop of the test. */
export function inlinePool(size: number): Pool {
  return createPool({
    kind: "inline",
    capabilities: {
      isolation: "none",
      kill: "never",
      killTakesNeighbours: false,
      recycles: false,
      reportsMemory: false,
      passing: "copy",
    },
    runtime: inlineRuntime,
    size,
    layout: (slots) => evenly(slotsOf(slots, "inline"), 1),
    shared: true,
  });
}
