/** What pools are to reach with tasks that wait, part 1 of docs/design/goals.md. */

import { mebibytes, seconds } from "../report/format.ts";
import { atMost, type Goal, times } from "../report/goal.ts";
import type { Waited } from "./waiting.ts";

/** Memory of BullMQ's worker at each concurrency, as it was measured before. */
const BULLMQ_MIB: Readonly<Record<number, number>> = { 5: 78, 20: 83, 50: 87, 100: 90, 250: 92, 500: 100 };
const MIB = 2 ** 20;
const READY_MS = 400;
const MOST_PER_CHILD = 14 * MIB;

export function poolsGoals(waited: readonly Waited[]): Goal[] {
  const event = waited.filter(({ kind }) => kind === "event");
  const processes = waited.filter(({ kind }) => kind === "process");
  const worst = (most: (each: Waited) => boolean): number =>
    Math.max(...event.filter(most).map(({ makespanMs, idealMs }) => makespanMs / idealMs));
  const memory = event.flatMap(({ concurrency, pssBytes }) => {
    const mib = BULLMQ_MIB[concurrency];
    return mib === undefined
      ? []
      : [atMost(`memory, event:${concurrency}, beside BullMQ measured before`, mib * MIB, pssBytes, mebibytes)];
  });
  const [few, many] = [processes.at(0), processes.at(-1)];
  const perChild =
    few === undefined || many === undefined || few === many
      ? Number.NaN
      : (many.pssBytes - few.pssBytes) / (many.concurrency - few.concurrency);
  return [
    atMost(
      "event pool ÷ ideal, up to 250",
      1.02,
      worst(({ concurrency }) => concurrency <= 250),
      times,
    ),
    atMost(
      "event pool ÷ ideal, 500",
      1.05,
      worst(({ concurrency }) => concurrency === 500),
      times,
    ),
    ...memory,
    atMost("memory of a further process", MOST_PER_CHILD, perChild, mebibytes),
    atMost(
      "ready, event:100",
      READY_MS,
      event.find(({ concurrency }) => concurrency === 100)?.readyMs ?? Number.NaN,
      seconds,
    ),
  ];
}
