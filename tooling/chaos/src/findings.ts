/** What judging a ledger comes to. */

export type Promised =
  /** Accepted, and neither finished nor dead nor in the queue. */
  | "lost"
  /** Still in the queue when everybody had had time to finish it. */
  | "undrained"
  /** Ran again for no reason. */
  | "twice"
  /** Ran before its time. */
  | "early"
  /** Ran, or ran again, later than promised. */
  | "late"
  /** Refused, or never published, and ran. */
  | "phantom"
  /** Set aside although it did nothing wrong. */
  | "buried"
  /** Begun on a healthy worker and never ended. */
  | "vanished"
  /** Finished without its result, or with another one. */
  | "result"
  /** A worker ended by itself, hung, or left with the wrong exit code. */
  | "worker"
  /** What the runner noticed itself. */
  | "trouble";

export interface Violation {
  readonly promise: Promised;
  readonly says: string;
  readonly id?: string;
}

export interface Findings {
  readonly violations: readonly Violation[];
  readonly published: Readonly<Record<string, number>>;
  readonly tasks: number;
  readonly runs: number;
  readonly finished: number;
  readonly dead: number;
  /** How often each reason explained a run again. */
  readonly again: Readonly<Record<string, number>>;
  /** From a fault to the run that made good for it, at worst, in ms. */
  readonly worstRedeliveryMs: number | undefined;
  /** From a delayed task's time to its run, in ms. */
  readonly delayedLateMs: { readonly median: number; readonly worst: number } | undefined;
  /** Neither finished nor dead: whoever published them was told so, or they are among the violations. */
  readonly open: number;
}
