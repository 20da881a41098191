/**
 * Where a requeue is a copy that is stored and then an ack of the original, whatever is struck between the two leaves both, and both run.
 * That is no broken promise, of a task that was moved so while something was struck; of any other it is one.
 */

import type { Availability } from "./availability.ts";
import type { History, Interval, Run, TaskHistory } from "./history.ts";

/** From the end of a task's code, or of a worker's grace, to the end of what is done about it, in ms; time in which the broker was struck comes on top. */
const MOVED_WITHIN_MS = 1_000;
/** A worker that is told to end finishes what it has begun to move; only these break off. */
const BREAKS_OFF = ["kill", "stop"];

/**
 * The run after which the message was moved, and left in two places, of which `b` ran the second. `runs`: those before `b`, by time.
 * `moved`: those whose move explains another run already.
 */
export function copiedBy(
  b: Run,
  runs: readonly Run[],
  moved: ReadonlySet<Run>,
  task: TaskHistory,
  history: History,
  availability: Availability,
): Run | undefined {
  if (history.facts.requeue !== "copy then ack") return undefined;
  return runs.findLast(
    (a) =>
      !moved.has(a) &&
      (retriedNearFault(a, b, runs, history, availability) ||
        releasedNearFault(a, b, runs, task, history) ||
        cameDueNearFault(a, b, runs, task, history, availability)),
  );
}

function retriedNearFault(a: Run, b: Run, runs: readonly Run[], history: History, availability: Availability): boolean {
  const failedAt = a.end?.how === "threw" ? a.end.at : undefined;
  const copy = runs.find(({ attempt, at }) => attempt === a.attempt + 1 && at >= (failedAt ?? Number.NaN));
  if (failedAt === undefined || copy === undefined) return false;
  const ownWorker = history.workers.get(a.worker)?.faults ?? [];
  if (b.attempt === a.attempt) return struck(ownWorker, history, failedAt, failedAt, availability);
  // A copy that waits for its time is copied once more when it is due, by whichever process does that.
  const anyWorker = [...history.workers.values()].flatMap(({ faults }) => faults);
  return b.attempt === copy.attempt && struck(anyWorker, history, failedAt, copy.at, availability);
}

/** A delayed message is moved when it is due, and on the way there: by the broker, or by whichever process does that. */
function cameDueNearFault(
  a: Run,
  b: Run,
  runs: readonly Run[],
  { publications }: TaskHistory,
  history: History,
  availability: Availability,
): boolean {
  if (a !== runs[0] || b.attempt !== a.attempt) return false;
  const delayed = publications.filter(({ dueAt }) => dueAt !== undefined);
  if (delayed.length === 0) return false;
  const anyWorker = [...history.workers.values()].flatMap(({ faults }) => faults);
  return struck(anyWorker, history, Math.min(...delayed.map(({ at }) => at)), a.at, availability);
}

/** Between `from` and a moment after `to`. */
function struck(
  faults: readonly Interval[],
  { outages, facts }: History,
  from: number,
  to: number,
  availability: Availability,
): boolean {
  const within = (fault: Interval): boolean => {
    const waited = availability.outageBetween(to, fault.from);
    return fault.to >= from && fault.from - to - waited <= MOVED_WITHIN_MS + facts.forgetsMs;
  };
  return outages.some(within) || faults.some((fault) => BREAKS_OFF.includes(fault.kind) && within(fault));
}

/** A worker was told to end while the broker was struck, or was then killed, and gave back what it had: begun, or not yet. */
function releasedNearFault(
  a: Run,
  b: Run,
  runs: readonly Run[],
  { publications }: TaskHistory,
  { workers, outages }: History,
): boolean {
  if (b.attempt !== a.attempt || b.deliveries < 2) return false;
  // Handed out before its first run: somebody had it, and did not begin.
  const neverBegun = a === runs[0] && a.deliveries > 1;
  const published = publications[0]?.at ?? 0;
  return [...workers.values()].some(({ pid, faults, ended }) => {
    if (!neverBegun && pid !== a.worker) return false;
    const term = faults.find(({ kind }) => kind === "term");
    if (term === undefined) return false;
    const until = (ended?.at ?? term.to) + MOVED_WITHIN_MS;
    const held = neverBegun
      ? term.from <= a.at && until >= published
      : a.at <= until && (a.end?.at ?? Number.POSITIVE_INFINITY) >= term.from;
    if (!held) return false;
    const kills = faults.filter(({ kind }) => BREAKS_OFF.includes(kind));
    return [...outages, ...kills].some((fault) => fault.from <= until && fault.to >= term.from);
  });
}
