/** What pools alone are to reach, part 4 of docs/design/goals.md. */

import { atLeast, atMost, type Goal, perSecond, times } from "../report/goal.ts";

/** Of a case or a peer; `NaN` where it was not measured. */
export interface DispatchFigures {
  perSecond(name: string): number;
  computeMs(name: string): number;
}

const FORK = "bare fork × 2, one in flight each";
const PISCINA = "piscina, 2 threads";
const TINYPOOL = "tinypool, 2 processes";

export function dispatchGoals({ perSecond: rate, computeMs }: DispatchFigures): Goal[] {
  return [
    atLeast("event:500", 300_000, rate("event:500"), perSecond),
    atLeast("thread:2 ÷ piscina", 0.95, rate("thread:2") / rate(PISCINA), times),
    atLeast("process:2 ÷ bare fork", 0.9, rate("process:2") / rate(FORK), times),
    atLeast("process:2 ÷ tinypool", 1.3, rate("process:2") / rate(TINYPOOL), times),
    atMost("computing, thread:2 ÷ piscina", 1.05, computeMs("thread:2") / computeMs(PISCINA), times),
    atMost("computing, process:2 ÷ bare fork", 1.05, computeMs("process:2") / computeMs(FORK), times),
  ];
}
