/** What the tasks of a run are: a function of the seed and a task's index, so that every process knows without being told. */

import { Random, uuidOf } from "./random.ts";

/**
 * short: next to nothing. answer: short, and its result is kept. wait: holds a slot. delayed: due later. flaky: fails once, then
 * succeeds. compute: in a process of its own. poison: kills the process that it runs in, always.
 */
export type TaskKind = "short" | "answer" | "wait" | "delayed" | "flaky" | "compute" | "poison";

export interface PlannedTask {
  readonly index: number;
  readonly id: string;
  readonly kind: TaskKind;
  /** How long it works, in ms. */
  readonly workMs: number;
  /** How long after publishing it is due, in ms. 0: at once. */
  readonly delayMs: number;
  /** Most have the usual one. */
  readonly priority: number;
}

export interface Mix {
  readonly seed: number;
  /** One task in so many is poison. 0: none. */
  readonly poisonEvery: number;
}

const SHARES: readonly (readonly [TaskKind, number])[] = [
  ["short", 0.5],
  ["wait", 0.15],
  ["delayed", 0.12],
  ["answer", 0.1],
  ["compute", 0.08],
  ["flaky", 0.05],
];

const WORK_MS: Readonly<Record<TaskKind, readonly [number, number]>> = {
  short: [0, 3],
  answer: [0, 3],
  wait: [50, 400],
  delayed: [0, 3],
  flaky: [0, 3],
  compute: [1, 10],
  poison: [0, 5],
};
const DELAY_MS = [200, 5_000] as const;

/** How many are of a priority of their own, and the usual one. */
const URGENT_OR_NOT = 0.2;
const USUAL_PRIORITY = 4;

/** How long a flaky task stays away before its second attempt, in ms. */
export const RETRY_DELAY_MS = 100;

export function plannedTask({ seed, poisonEvery }: Mix, index: number): PlannedTask {
  const random = new Random(`${seed}/task/${index}`);
  const drawn = random.next();
  const poison = poisonEvery > 0 && index % poisonEvery === Math.floor(poisonEvery / 2);
  const kind = poison ? "poison" : kindAt(drawn);
  return {
    index,
    id: uuidOf(`${seed}/id/${index}`),
    kind,
    workMs: random.between(...WORK_MS[kind]),
    delayMs: kind === "delayed" ? random.between(...DELAY_MS) : 0,
    priority: random.next() < URGENT_OR_NOT ? random.between(0, 9) : USUAL_PRIORITY,
  };
}

/** What an `answer` returns. */
export function answerOf(index: number): string {
  return `answer ${index}`;
}

function kindAt(drawn: number): TaskKind {
  let left = drawn;
  for (const [kind, share] of SHARES) {
    if (left < share) return kind;
    left -= share;
  }
  return "short";
}
