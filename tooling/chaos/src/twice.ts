/**
 * Why a task ran again. Each run after the first needs a reason of its own among the earlier runs: one that failed and had an attempt
 * left, or one whose worker was struck while it held the message. A run explains one successor: its delivery can come back only once.
 */

import type { Availability } from "./availability.ts";
import { copiedBy } from "./copied.ts";
import type { History, Interval, Run, TaskHistory } from "./history.ts";

export type Reason =
  /** The attempt before failed, and the task has another. */
  | "retry"
  /** It ended its own process, as poison does. */
  | "crash"
  /** Its worker was killed, stopped, told to end …: the name of the fault. */
  | {
      readonly fault: string;
      readonly at: number;
      readonly redeliveredInMs: number;
      /** How often it was handed out in between, to somebody who did not begin. */
      readonly passedBy: number;
    }
  /** Handed to a worker that was stopped before it could begin; it began when that went on. */
  | "stale"
  /** Published again, because nobody knew whether the first publish had come through. */
  | "republished"
  /** Moved by a copy, and the original was left because something was struck before it went. */
  | "copied"
  /** The broker was struck in a way that its rig says may cause this. */
  | { readonly outage: string };

export interface Repetition {
  readonly run: Run;
  /** Undefined: nothing explains it. */
  readonly reason: Reason | undefined;
}

/** From the end of a task's code to the end of its settlement, at most, in ms; time in which the broker was struck comes on top. */
const SETTLED_WITHIN_MS = 1_000;
/** A lease is renewed when less than 70 % of it is left, looked at ten times per lease: no holder has less than this left. */
export const LEAST_LEFT_OF_LEASE = 0.5;
/** Share of the grace after which a worker that was told to end aborts what runs. */
const ABORT_AT = 0.8;
/** A process that goes on begins what it had in hand within this time. */
const GOES_ON_WITHIN_MS = 1_000;
/** From being handed out to its beginning, at most, in ms: a worker passes it to another thread or process. */
const BEGINS_WITHIN_MS = 500;
/** Entries of different processes about one moment. */
const SAME_MOMENT_MS = 50;

export function repetitions(task: TaskHistory, history: History, availability: Availability): Repetition[] {
  const runs = task.runs.toSorted((a, b) => a.at - b.at);
  const used = new Set<Run>();
  const moved = new Set<Run>();
  let republished = task.publications
    .slice(1)
    .filter(({ outcome }) => outcome?.status !== "refused" && outcome?.status !== "duplicate");
  return runs.slice(1).map((run, place) => {
    const before = runs.slice(0, place + 1);
    // First: its own message explains a run whatever else was going on, and is late or not by its own time.
    const again = republished.find(({ at }) => at <= run.at + SAME_MOMENT_MS);
    if (again !== undefined && run.attempt === 1) {
      republished = republished.filter((publication) => publication !== again);
      return { run, reason: "republished" };
    }
    // Of two copies that both failed, each has a second attempt.
    const failed = before.find((earlier) => isRetry(earlier, run) && !used.has(earlier));
    if (failed !== undefined) {
      used.add(failed);
      return { run, reason: "retry" };
    }
    for (const earlier of before.toReversed()) {
      if (used.has(earlier)) continue;
      const reason = reasonFor(earlier, run, task, history, availability);
      if (reason === undefined) continue;
      used.add(earlier);
      return { run, reason };
    }
    // What was handed to it came before all of them, so it takes no other's explanation away; but it was handed to it only once.
    const ofAttempt = before.filter(({ attempt }) => attempt === run.attempt);
    const handedBefore = ofAttempt.some((a) => a.worker === run.worker && a.deliveries === run.deliveries);
    if (!handedBefore && ofAttempt.some((earlier) => beganStale(earlier, run, history)))
      return { run, reason: "stale" };
    const move = copiedBy(run, before, moved, task, history, availability);
    if (move === undefined) return { run, reason: undefined };
    moved.add(move);
    return { run, reason: "copied" };
  });
}

function reasonFor(
  a: Run,
  b: Run,
  task: TaskHistory,
  history: History,
  availability: Availability,
): Reason | undefined {
  if (b.attempt !== a.attempt) return undefined;
  const fault = faultBetween(a, b, history, availability);
  // Poison ends its process within moments, also on a worker that has just been told to end.
  if (isCrash(a, task) && (fault === undefined || fault.kind === "term")) return "crash";
  const outage = history.outages.find(
    ({ kind, from, to }) =>
      history.facts.excusing.includes(kind) &&
      from <= b.at &&
      to >= a.at - (mayFollow(a, b, history) ? BEGINS_WITHIN_MS : 0) &&
      heldAt(a, from, history, availability),
  );
  // A fault that was over when it began is the lesser reason, and its time is not the one to count from.
  if (fault !== undefined && (outage === undefined || fault.to >= a.at))
    return {
      fault: fault.kind,
      at: fault.from,
      redeliveredInMs: b.at - fault.from,
      passedBy: Math.max(0, b.deliveries - a.deliveries - 1),
    };
  if (beganStale(a, b, history)) return "stale";
  return outage === undefined ? undefined : { outage: outage.kind };
}

function isRetry(a: Run, b: Run): boolean {
  return a.end?.how === "threw" && b.attempt === a.attempt + 1;
}

/** Whether the first may have been handed out before an outage, begun after it, and the second be what came of the loss. */
function mayFollow(a: Run, b: Run, { facts }: History): boolean {
  return !facts.countsDeliveries || b.deliveries > a.deliveries;
}

function isCrash(run: Run, task: TaskHistory): boolean {
  return task.kind === "poison" && run.end === undefined && run.pid !== run.worker;
}

/** The last fault of the first run's worker that could have brought the message back by the time of the second. */
function faultBetween(a: Run, b: Run, history: History, availability: Availability): Interval | undefined {
  const faults = history.workers.get(a.worker)?.faults ?? [];
  return faults
    .toSorted((x, y) => y.from - x.from)
    .find((fault) => {
      if (fault.from > b.at || fault.to < a.at - SAME_MOMENT_MS) return false;
      // Begun by a worker that went on a moment before: it held the delivery that this one follows.
      if (fault.to < a.at && b.deliveries !== a.deliveries + 1) return false;
      if (!heldAt(a, fault.from, history, availability)) return false;
      return fault.kind === "term" ? givenBack(a, fault, history) : lapsed(b, fault, faults, history, availability);
    });
}

/** Whether its worker may still have held the message then: it had not ended, or its settlement was on the way. */
function heldAt(run: Run, at: number, { facts }: History, availability: Availability): boolean {
  if (run.end === undefined || at <= run.end.at) return true;
  const waited = availability.outageBetween(run.end.at, at);
  return at - run.end.at - waited <= SETTLED_WITHIN_MS + facts.forgetsMs;
}

/** An orderly end gives back only what did not end within the grace. */
function givenBack(a: Run, fault: Interval, { facts }: History): boolean {
  return a.end === undefined || a.end.at - fault.from >= facts.graceMs * ABORT_AT;
}

/** A lease cannot have ended sooner than its holder last renewed it; a struck broker or an earlier fault may have kept it from that. */
function lapsed(
  b: Run,
  fault: Interval,
  faults: readonly Interval[],
  { facts, outages }: History,
  availability: Availability,
): boolean {
  if (facts.ownership === "connection") return true;
  const least = facts.leaseMs * LEAST_LEFT_OF_LEASE;
  const lastFree = [...faults, ...outages].filter(
    ({ from, to }) => from < fault.from && to > fault.from - facts.leaseMs,
  );
  const from = Math.min(fault.from, ...lastFree.map((interval) => interval.from));
  // Gone on again before any lease could end: it renewed what it held.
  if (fault.kind === "stop" && fault.to - from < least) return false;
  return b.at - from >= least && availability.outageBetween(from, b.at) < b.at - from;
}

function beganStale(a: Run, b: Run, { workers }: History): boolean {
  if (b.worker === a.worker || b.deliveries > a.deliveries) return false;
  const faults = workers.get(b.worker)?.faults ?? [];
  return faults.some(
    ({ kind, from, to }) =>
      kind === "stop" && from < b.at && b.at >= to - SAME_MOMENT_MS && b.at - to <= GOES_ON_WITHIN_MS,
  );
}
