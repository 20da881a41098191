/** What the engine decides because of an outcome: a pure function, a table in its test. */

import {
  type DeadLetterReason,
  type ErrorData,
  errorData,
  HardLimitError,
  type Outcome,
  type Payload,
  type ResolvedTask,
  SoftLimitError,
} from "../contracts/index.ts";
import { backoffMs } from "./backoff.ts";

export type Verdict =
  /** Done: store the value, ack. */
  | { readonly type: "succeed"; readonly value: Payload | undefined }
  /** Another attempt, later. */
  | { readonly type: "retry"; readonly delayMs: number; readonly error: ErrorData }
  /** No further attempt: store the error, dead-letter. */
  | { readonly type: "fail"; readonly error: ErrorData; readonly reason: DeadLetterReason }
  /** Somebody cancelled it, and it ended because of that: store that, ack. */
  | { readonly type: "cancel" }
  /** It ended its executor, or was aboard when it ended: the same attempt again at once, with one more start on record. */
  | { readonly type: "restart"; readonly starts: number; readonly error: ErrorData }
  /** It did nothing wrong and did not finish: back to its place. */
  | { readonly type: "release"; readonly reason: string };

export interface Facts {
  readonly policy: ResolvedTask;
  /** The attempt that has ended, from 1. */
  readonly attempt: number;
  /** Starts on record before this run. */
  readonly starts: number;
  readonly maxStarts: number;
  /** In [0, 1), for jitter. */
  readonly random: number;
  /** Somebody asked for its end: whatever else ended the run, it does not begin again. */
  readonly cancelled: boolean;
}

/**
 * Attempts in all for a task that asks for `throw retry()` and sets no number itself: three retries, the number users of Celery know.
 */
export const EXPLICIT_RETRY_ATTEMPTS = 4;

/** A suspect with this many starts runs alone, so that the next crash has one culprit. */
export const ALONE_FROM_STARTS = 2;

export function decide(outcome: Outcome, facts: Facts): Verdict {
  if (facts.cancelled && outcome.type !== "returned") return { type: "cancel" };
  switch (outcome.type) {
    case "returned":
      return { type: "succeed", value: outcome.value };
    case "threw": {
      const { error, directive } = outcome;
      if (directive?.type === "reject")
        return { type: "fail", error, reason: { code: "rejected", details: directive.reason } };
      if (directive?.type === "fail")
        return { type: "fail", error, reason: reasonOf(directive.code ?? "failed", error) };
      const asked = directive?.type === "retry";
      const attempts =
        asked && facts.policy.source.attempts === "default" ? EXPLICIT_RETRY_ATTEMPTS : facts.policy.attempts;
      return retryOrFail(error, facts, attempts, asked ? directive.delayMs : undefined);
    }
    case "aborted":
      if (outcome.reason === "cancelled") return { type: "cancel" };
      if (outcome.reason === "soft-limit") {
        const error = errorData(new SoftLimitError(facts.policy.softMs ?? 0));
        return retryOrFail({ ...error, cause: outcome.error }, facts, facts.policy.attempts);
      }
      return { type: "release", reason: outcome.reason };
    case "killed":
      if (outcome.reason === "cancelled") return { type: "cancel" };
      if (outcome.reason === "hard-limit")
        return retryOrFail(errorData(new HardLimitError(facts.policy.hardMs)), facts, facts.policy.attempts);
      return { type: "release", reason: outcome.reason };
    case "crashed": {
      const error = crashError(outcome);
      const starts = facts.starts + 1;
      // A neighbour of the culprit never becomes poison: its starts stop where it will be run alone.
      if (!outcome.alone) return { type: "restart", starts: Math.min(starts, ALONE_FROM_STARTS), error };
      if (starts >= facts.maxStarts) return { type: "fail", error, reason: reasonOf("poison", error) };
      return { type: "restart", starts, error };
    }
    case "abandoned":
      return { type: "release", reason: outcome.reason };
  }
}

function retryOrFail(error: ErrorData, facts: Facts, attempts: number, delayMs?: number): Verdict {
  if (facts.attempt >= attempts) return { type: "fail", error, reason: reasonOf("failed", error) };
  return { type: "retry", delayMs: delayMs ?? backoffMs(facts.policy, facts.attempt, facts.random), error };
}

function reasonOf(code: DeadLetterReason["code"], error: ErrorData): DeadLetterReason {
  return { code, details: `${error.name}: ${error.message}`.slice(0, 1_000) };
}

function crashError(outcome: Extract<Outcome, { type: "crashed" }>): ErrorData {
  const how =
    outcome.signal !== undefined
      ? `signal ${outcome.signal}`
      : outcome.exitCode !== undefined
        ? `exit code ${outcome.exitCode}`
        : "no exit code";
  const memory =
    outcome.memoryBytes === undefined ? "" : `, ${Math.round(outcome.memoryBytes / 1_048_576)} MiB when last seen`;
  const said = outcome.lastOutput.length === 0 ? "" : `; last output: ${outcome.lastOutput.slice(-5).join(" | ")}`;
  return {
    name: "ExecutorCrashed",
    message: `the executor ended with ${how}${memory}${outcome.alone ? "" : ", and other tasks were aboard"}${said}`,
    code: "EXECUTOR_CRASHED",
    ...(outcome.error === undefined ? {} : { cause: outcome.error }),
  };
}
