/** Counts a verdict and tells listeners of it. */

import type { Outcome } from "../contracts/index.ts";
import type { Held } from "./held.ts";
import type { Kernel } from "./kernel.ts";
import type { Verdict } from "./verdict.ts";

export function reportVerdict(kernel: Kernel, held: Held, verdict: Verdict, outcome?: Outcome): void {
  count(held, verdict);
  if (verdict.type === "succeed" && !kernel.events.routineWanted) return;
  const subject = kernel.subject(held);
  const pool = held.pool.name;
  const ran = {
    ...(outcome?.startedAt === undefined ? {} : { startedAt: outcome.startedAt }),
    ...(outcome?.durationMs === undefined ? {} : { durationMs: outcome.durationMs }),
  };
  switch (verdict.type) {
    case "succeed":
      kernel.events.task({ ...subject, ...ran, type: "task-succeeded", pool });
      return;
    case "retry":
    case "restart": {
      const delayMs = verdict.type === "retry" ? verdict.delayMs : 0;
      kernel.events.task({ ...subject, ...ran, type: "task-retried", pool, delayMs, error: verdict.error });
      return;
    }
    case "fail":
      kernel.events.task({
        ...subject,
        ...ran,
        type: "task-failed",
        pool,
        error: verdict.error,
        reason: verdict.reason.code,
      });
      return;
    case "cancel":
      kernel.events.task({ ...subject, ...ran, type: "task-cancelled" });
      return;
    case "release":
      kernel.events.task({ ...subject, type: "task-released", reason: verdict.reason });
  }
}

function count(held: Held, verdict: Verdict): void {
  const { counters } = held;
  switch (verdict.type) {
    case "succeed":
      counters.succeeded++;
      return;
    case "retry":
    case "restart":
      counters.retried++;
      return;
    case "fail":
      counters.failed++;
      return;
    case "cancel":
      counters.cancelled++;
      return;
    case "release":
      counters.released++;
  }
}
