/** What a run found, for people. */

import type { Findings, Violation } from "./findings.ts";
import type { History } from "./history.ts";

const SHOWN_PER_PROMISE = 5;

export function printedReport(findings: Findings, history: History, internalErrors: readonly string[]): string {
  const { violations } = findings;
  return [
    ...summary(findings, history),
    ...(internalErrors.length === 0
      ? []
      : [`workers logged ${internalErrors.length} internal errors, the first: ${internalErrors[0]}`]),
    ...(violations.length === 0 ? [] : ["", "broken promises:", ...listed(violations, history)]),
  ].join("\n");
}

function summary(findings: Findings, { lagMs, workers, outages }: History): string[] {
  const { published, tasks, runs, finished, dead, again, worstRedeliveryMs, delayedLateMs } = findings;
  const counts = (record: Readonly<Record<string, number>>): string =>
    Object.entries(record)
      .map(([name, count]) => `${count} ${name}`)
      .join(", ") || "none";
  const repeated = Object.entries(again)
    .filter(([name]) => name !== "retry" && name !== "crash")
    .reduce((sum, [, count]) => sum + count, 0);
  const struck = [...workers.values()].reduce((sum, { faults }) => sum + faults.length, 0) + outages.length;
  return [
    `published  ${tasks} tasks: ${counts(published)}`,
    `finished   ${finished}, dead ${dead}, in ${runs} runs by ${workers.size} worker processes`,
    `faults     ${struck} in force on workers and broker`,
    `again      ${counts(again)}`,
    `twice      ${repeated} tasks ran again because of a fault (${((100 * repeated) / Math.max(1, tasks)).toFixed(2)} %)`,
    `worst      redelivery ${worstRedeliveryMs === undefined ? "none" : `${worstRedeliveryMs} ms after its fault`}`,
    `delayed    ${delayedLateMs === undefined ? "none" : `${delayedLateMs.median} ms late at the median, ${delayedLateMs.worst} ms at worst, never early unless said below`}`,
    `machine    timers late by ${lagMs} ms at worst`,
  ];
}

function listed(violations: readonly Violation[], history: History): string[] {
  const groups = Map.groupBy(violations, ({ promise }) => promise);
  return [...groups].flatMap(([promise, group]) => [
    `  ${promise} (${group.length})`,
    ...group
      .slice(0, SHOWN_PER_PROMISE)
      .flatMap(({ says, id }) => [
        `    ${id === undefined ? "" : `${id}: `}${says}`,
        ...(id === undefined ? [] : storyOf(id, history)),
      ]),
    ...(group.length > SHOWN_PER_PROMISE ? [`    … and ${group.length - SHOWN_PER_PROMISE} more`] : []),
  ]);
}

/** Everything that happened to one task and to the workers that ran it, by time since it was published. */
export function storyOf(id: string, { tasks, workers, outages }: History): string[] {
  const task = tasks.get(id);
  if (task === undefined) return [];
  const began = task.publications[0]?.at ?? 0;
  const lines: [number, string][] = [];
  for (const { at, dueAt, outcome } of task.publications) {
    lines.push([at, dueAt === undefined ? "published" : `published, due ${dueAt - at} ms later`]);
    if (outcome !== undefined) lines.push([outcome.at, `${outcome.status} ${outcome.error ?? ""}`.trimEnd()]);
  }
  for (const run of task.runs) {
    const where = `worker ${workers.get(run.worker)?.slot ?? "?"} (pid ${run.worker})`;
    lines.push([run.at, `run ${run.run} begins on ${where}, attempt ${run.attempt}, delivery ${run.deliveries}`]);
    if (run.end !== undefined) lines.push([run.end.at, `run ${run.run} ${run.end.how}`]);
  }
  if (task.dead !== undefined) lines.push([task.dead.at, `dead: ${task.dead.code}`]);
  const last = Math.max(...lines.map(([at]) => at)) + 5_000;
  const near = ({ from, to }: { from: number; to: number }): boolean => from <= last && to >= began - 5_000;
  for (const pid of new Set(task.runs.map(({ worker }) => worker))) {
    const life = workers.get(pid);
    for (const fault of life?.faults.filter(near) ?? [])
      lines.push([
        fault.from,
        `${fault.kind} strikes worker ${life?.slot} (pid ${pid}) for ${fault.to - fault.from} ms`,
      ]);
  }
  for (const outage of outages.filter(near))
    lines.push([outage.from, `${outage.kind} for ${outage.to - outage.from} ms`]);
  return lines
    .toSorted((a, b) => a[0] - b[0])
    .map(([at, what]) => `      ${String(at - began).padStart(7)} ms  ${what}`);
}
