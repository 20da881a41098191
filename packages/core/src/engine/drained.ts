/** Waits until there is nothing left to do: what `--drain` means. */

import { isLovageError } from "../contracts/index.ts";
import type { Kernel } from "./kernel.ts";

const LOOK_AGAIN_MS = 200;

/** Resolves when nothing is held and every queue of this worker is empty: ready, delayed, and owned by anyone. */
export async function drained(kernel: Kernel, signal?: AbortSignal): Promise<void> {
  while (signal?.aborted !== true) {
    await kernel.whenEmpty();
    if ((await queuesEmpty(kernel)) && kernel.held.size === 0) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

async function queuesEmpty(kernel: Kernel): Promise<boolean> {
  try {
    const depths = await Promise.all(kernel.queues.map((queue) => kernel.broker.depth(queue.name)));
    return depths.every((depth) => (depth.ready ?? 0) + (depth.delayed ?? 0) + (depth.owned ?? 0) === 0);
  } catch (error) {
    // An outage is no answer; a broker that is closed will never give one.
    if (isLovageError(error) && error.retryable) return false;
    throw error;
  }
}
