/** Progress that tasks report: to the result store as the present state, to listeners as an event. */

import type { TaskProgressEntry } from "../contracts/index.ts";
import type { Kernel } from "./kernel.ts";

export function takeProgress(kernel: Kernel, entries: readonly TaskProgressEntry[]): void {
  for (const entry of entries) {
    const held = kernel.held.get(entry.id);
    if (held === undefined || held.state !== "running") continue;
    const kept = kernel.results?.kept(held);
    if (kernel.results !== undefined && kept !== undefined) {
      held.announced = true;
      kernel.results.announce({
        id: held.id,
        task: held.policy.name,
        state: "running",
        final: false,
        attempt: held.attempt,
        progress: entry.progress,
        worker: kernel.identity.id,
        startedAt: performance.timeOrigin + held.startedAt,
        ...kept,
      });
    }
    const progress = kernel.app.codec.decodeValue(entry.progress);
    kernel.events.task({ ...kernel.subject(held), type: "task-progress", progress });
  }
}
