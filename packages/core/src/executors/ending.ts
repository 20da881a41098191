/** What the end of an executor means for the runs aboard: a table, decided here and acted on by the executor. */

import type { ErrorData } from "../contracts/errors.ts";
import type { Outcome } from "../contracts/pool.ts";
import type { Run } from "./run.ts";

export interface ExecutorEnding {
  /** `killed` and `closed` were ordered; `crashed` was not. */
  readonly reason: "killed" | "closed" | "crashed";
  readonly exitCode?: number;
  readonly signal?: string;
  readonly error?: ErrorData;
  readonly lastOutput: readonly string[];
  readonly memoryBytes?: number;
  /** The executor's loop is shared, and it died of an error that came from no run's code. */
  readonly nobodysError: boolean;
}

export function outcomeOf(run: Run, begun: boolean, aboard: number, ending: ExecutorEnding): Outcome {
  const times = begun ? { startedAt: run.sentAt } : {};
  if (ending.reason === "crashed" && begun) {
    const { exitCode, signal, error, lastOutput, memoryBytes } = ending;
    return {
      ...times,
      type: "crashed",
      alone: aboard === 1 && !ending.nobodysError,
      ...(error === undefined ? {} : { error }),
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(signal === undefined ? {} : { signal }),
      lastOutput,
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
    };
  }
  if (run.killReason !== undefined && begun) return { ...times, type: "killed", reason: run.killReason };
  if (!begun) return { type: "abandoned", reason: "its executor ended before it began" };
  const reason = ending.reason === "closed" ? "the pool was closed" : "its executor was killed for another task";
  return { ...times, type: "abandoned", reason };
}
