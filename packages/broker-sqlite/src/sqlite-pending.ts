/** Something that was asked of the store and has no answer yet. */

import type { Fault, Operation } from "./sqlite-operations.ts";

/** How one operation ends: exactly one of these is called, once. */
export interface Ending<Out> {
  readonly done: (value: Out) => void;
  /** The deadline passed or the storage said no; `maybeDone` tells the two kinds of no apart. */
  readonly gaveUp: (fault: Fault) => void;
  readonly closed: () => void;
  /** Tried until it succeeds: settlements and claims. */
  readonly patient?: boolean;
}

export interface Pending {
  readonly operation: Operation;
  readonly ending: Ending<never>;
  /** By `performance.now()`. */
  readonly deadline: number;
  over: boolean;
}

export function pendingOf<Out>(operation: Operation, ending: Ending<Out>, deadline: number): Pending {
  return { operation, ending: ending as Ending<never>, deadline, over: false };
}

export function finish(pending: Pending, end: () => void): void {
  if (pending.over) return;
  pending.over = true;
  end();
}

/** Gives up those whose time has come, even while the storage does not answer at all. */
export function expire(pendings: readonly Pending[], fault: Fault): void {
  const now = performance.now();
  for (const pending of pendings) if (now >= pending.deadline) finish(pending, () => pending.ending.gaveUp(fault));
}
