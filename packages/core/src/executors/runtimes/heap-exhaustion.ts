/**
 * Makes a full heap end the thread that filled it, and nothing more. Node does that by itself, but V8 ends the whole process first in
 * two cases, both seen in tests on a busy machine.
 */

import { setFlagsFromString } from "node:v8";

/**
 * Node ends a thread once 16 MiB beyond its limit are used up. What survives of the young generation moves over at once, so with a
 * limit that generation is kept well below it.
 */
export const YOUNG_GENERATION_MB = 12;

let contained = false;

/** V8 also gives up when collections near the limit free little, which is just what a filling heap looks like; the limit itself is enough. */
export function containHeapExhaustion(): void {
  if (contained) return;
  contained = true;
  setFlagsFromString("--no-detect-ineffective-gcs-near-heap-limit");
}
