/** What figures are to reach: docs/design/goals.md sets it. */

import { fixed, whole } from "./format.ts";

export interface Goal {
  readonly what: string;
  readonly wanted: string;
  readonly reached: string;
  /** Undefined: one of its figures was not measured in this run. */
  readonly met: boolean | undefined;
}

/** How a figure is written: with its unit. */
export type Shown = (value: number) => string;

export const times: Shown = (value) => `${fixed(value, 2)} ×`;
export const perSecond: Shown = (value) => `${whole(value)}/s`;

export function atLeast(what: string, wanted: number, reached: number, shown: Shown): Goal {
  return goal(what, `≥ ${shown(wanted)}`, reached, shown, reached >= wanted);
}

export function atMost(what: string, wanted: number, reached: number, shown: Shown): Goal {
  return goal(what, `≤ ${shown(wanted)}`, reached, shown, reached <= wanted);
}

/** As a share of what the client alone does, or a rate that is enough on any machine: the lower of the two. */
export function shareOf(what: string, share: number, bare: number, enough: number, reached: number): Goal {
  const wanted = Number.isNaN(bare) ? enough : Math.min(share * bare, enough);
  const why = `${whole(share * 100)} % of the bare loop, or ${perSecond(enough)}`;
  const { reached: shown, met } = atLeast(what, wanted, reached, perSecond);
  const ofBare = Number.isNaN(bare) ? "" : `, ${whole((reached / bare) * 100)} %`;
  // Less than enough, and nothing to compare it with.
  const unknown = Number.isNaN(bare) && met === false;
  return { what, wanted: `≥ ${why}`, reached: `${shown}${ofBare}`, met: unknown ? undefined : met };
}

function goal(what: string, wanted: string, reached: number, shown: Shown, met: boolean): Goal {
  return Number.isFinite(reached)
    ? { what, wanted, reached: shown(reached), met }
    : { what, wanted, reached: "–", met: undefined };
}

export function verdictOf({ met }: Goal): string {
  if (met === undefined) return "not measured";
  return met ? "yes" : "no";
}
