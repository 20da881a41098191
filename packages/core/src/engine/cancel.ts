/** Ends one task that this worker holds. Whoever asks has revoked the message at the broker first, so it will not come back. */

import type { Dispatcher } from "./dispatcher.ts";
import type { Kernel } from "./kernel.ts";
import type { Settler } from "./settle.ts";
import { reportVerdict } from "./verdict-report.ts";

/** How long a cancelled task may tidy up before `stop` kills it. */
const STOP_AFTER_MS = 5_000;

export function cancelHeld(
  kernel: Kernel,
  dispatcher: Dispatcher,
  settler: Settler,
  id: string,
  options: { readonly reason?: string; readonly stop?: boolean },
): boolean {
  const held = kernel.held.get(id);
  if (held === undefined || held.state === "settling") return false;
  held.cancelled = true;
  held.cancelReason = options.reason;
  if (held.state === "waiting") {
    dispatcher.withdraw(held);
    reportVerdict(kernel, held, { type: "cancel" });
    settler.settle(held, { type: "cancel" });
    return true;
  }
  held.aborted ??= "cancelled";
  const { execution } = held;
  execution?.abort("cancelled");
  if (options.stop === true && held.pool.pool.capabilities.kill !== "never") {
    const timer = setTimeout(() => {
      if (held.execution !== execution) return;
      held.killed ??= "cancelled";
      void execution?.kill("cancelled");
    }, STOP_AFTER_MS);
    timer.unref();
  }
  return true;
}
