/** Outages that nobody caused on purpose: a process that was stopped while it held what all others need. */

import type { Interval } from "./history.ts";

/** Tasks are published and run many times a second: when none is for so long, none could be. */
const STANDSTILL_MS = 500;

/** The times within a stop in which nothing was accepted and nothing began, each at least half a second. `alive` is when something did. */
export function standstills(stops: readonly Interval[], alive: readonly number[]): Interval[] {
  const moments = alive.toSorted((a, b) => a - b);
  return stops.flatMap(({ from, to }) => {
    const within = moments.filter((at) => at > from && at < to);
    const bounds = [from, ...within, to];
    return bounds.slice(1).flatMap((ends, place) => {
      const begins = bounds[place] as number;
      return ends - begins >= STANDSTILL_MS ? [{ kind: "standstill", from: begins, to: ends }] : [];
    });
  });
}
