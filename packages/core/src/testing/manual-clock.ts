import type { Clock } from "../memory/index.ts";

export interface ManualClock extends Clock {
  /** Moves time on by `ms`: whatever falls due on the way is run at its own instant, in order. */
  advance(ms: number): void;
  /** Sets the wall clock, also backwards. What is due by then is run; nothing that has run is run again. */
  set(instant: number): void;
}

interface Due {
  readonly instant: number;
  readonly run: () => void;
}

/** A clock that stands still until it is told to move. Begins at `startAt`, by default 1 January 2030. */
export function manualClock(startAt: number = Date.UTC(2030, 0, 1)): ManualClock {
  let now = startAt;
  const pending = new Set<Due>();
  const nextUpTo = (limit: number): Due | undefined => {
    let next: Due | undefined;
    for (const due of pending) if (due.instant <= limit && due.instant < (next?.instant ?? Infinity)) next = due;
    return next;
  };
  const set = (instant: number): void => {
    for (let due = nextUpTo(instant); due !== undefined; due = nextUpTo(instant)) {
      pending.delete(due);
      now = Math.max(now, due.instant);
      due.run();
    }
    now = instant;
  };
  return {
    now: () => now,
    at(instant, run) {
      const due = { instant, run };
      pending.add(due);
      return () => pending.delete(due);
    },
    advance: (ms) => set(now + ms),
    set,
  };
}
