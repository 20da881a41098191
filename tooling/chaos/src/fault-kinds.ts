/** The faults that are signals: the same for every broker. */

import type { FaultKind } from "./schedule.ts";

/** Ranges follow the lease: a stop may end before it or well after. */
export function signalFaults(leaseMs: number): FaultKind[] {
  return [
    { name: "kill", aims: "worker", forMs: [0, 1_500], does: "SIGKILL to a worker, another is started later" },
    {
      name: "stop",
      aims: "worker",
      forMs: [Math.round(leaseMs * 0.3), Math.round(leaseMs * 2.2)],
      does: "SIGSTOP to a worker, SIGCONT later",
    },
    { name: "term", aims: "worker", forMs: [0, 1_500], does: "SIGTERM to a worker, another is started later" },
    { name: "producer", aims: "producer", forMs: [0, 1_000], does: "SIGKILL to a producer, which goes on later" },
  ];
}
