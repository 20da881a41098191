/** Tasks that may hold their message for longer than the broker lets them: what to say of them at start. */

import { durationText } from "../app/duration.ts";
import type { AppDefinition, BrokerCapabilities } from "../contracts/index.ts";

const MOST_NAMED = 5;

/**
 * One text per limit, for all tasks of these queues that have it. A task that nobody limits is taken to end within the app's default
 * limit, also in a pool that could not end it.
 */
export function overdueWarnings(
  app: AppDefinition,
  queues: ReadonlySet<string>,
  { maxUnsettledMs }: Pick<BrokerCapabilities, "maxUnsettledMs">,
): readonly string[] {
  if (maxUnsettledMs === undefined) return [];
  const tasksByLimit = new Map<string, string[]>();
  for (const name of app.tasks.names()) {
    const { queue, hardMs, hardExplicit } = app.resolve(name);
    if (!queues.has(queue) || hardMs < maxUnsettledMs) continue;
    const limit = `${durationText(hardMs)}${hardExplicit ? "" : " by default"}`;
    tasksByLimit.set(limit, [...(tasksByLimit.get(limit) ?? []), name]);
  }
  const allowed = durationText(maxUnsettledMs);
  return [...tasksByLimit].map(
    ([limit, tasks]) =>
      `${named(tasks)} may run for ${limit}, and the broker takes back what is not settled after ${allowed}: from then on another worker may run it as well. Set limits.hard below ${allowed}, or have the broker wait longer (lovage doctor says how)`,
  );
}

function named(tasks: readonly string[]): string {
  const shown = tasks.slice(0, MOST_NAMED).join(", ");
  const more = tasks.length - MOST_NAMED;
  return `${tasks.length === 1 ? "task" : "tasks"} ${shown}${more > 0 ? ` and ${more} more` : ""}`;
}
