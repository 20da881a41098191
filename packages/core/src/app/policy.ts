/** What one message may change about its task: the overrides of `.with()`, read back from its headers. */

import type { Headers, HeaderValue } from "../contracts/message.ts";
import type { ResolvedTask } from "../contracts/task.ts";
import { defaultHardMs } from "./resolve.ts";

const MAX_ATTEMPTS = 1_000_000;
const MAX_FACTOR = 1_000;

/**
 * The options that hold for a message with these headers. The task's own object comes back when the headers change nothing. Headers
 * come from anywhere: a value of the wrong kind is ignored, one out of range is brought into it. `source` says `message` for what the
 * headers decided.
 */
export function policyFor(resolved: ResolvedTask, headers: Headers): ResolvedTask {
  if (
    headers.result === undefined &&
    headers["retry.attempts"] === undefined &&
    headers["retry.delay"] === undefined &&
    headers["retry.factor"] === undefined &&
    headers["retry.max"] === undefined &&
    headers["retry.jitter"] === undefined &&
    headers["limit.soft"] === undefined &&
    headers["limit.hard"] === undefined
  ) {
    return resolved;
  }
  return overridden(resolved, headers);
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function overridden(resolved: ResolvedTask, headers: Headers): ResolvedTask {
  const policy: Mutable<ResolvedTask> = { ...resolved };
  const source: Record<string, ResolvedTask["source"][string]> = { ...resolved.source };
  const set = <K extends keyof ResolvedTask>(key: K, value: ResolvedTask[K] | undefined): void => {
    if (value === undefined) return;
    policy[key] = value;
    source[key] = "message";
  };
  set("attempts", number(headers["retry.attempts"], 1, MAX_ATTEMPTS, true));
  set("retryDelayMs", milliseconds(headers["retry.delay"], 0));
  set("retryFactor", number(headers["retry.factor"], 1, MAX_FACTOR, false));
  set("retryMaxDelayMs", milliseconds(headers["retry.max"], 0));
  const jitter = headers["retry.jitter"];
  if (jitter === "full" || jitter === "none") set("retryJitter", jitter);
  set("softMs", milliseconds(headers["limit.soft"], 1));
  const hardMs = milliseconds(headers["limit.hard"], 1);
  set("hardMs", hardMs);
  if (hardMs !== undefined) policy.hardExplicit = true;
  if (!policy.hardExplicit) policy.hardMs = defaultHardMs(policy.softMs, policy.hardMs);
  if (headers.result === false) {
    policy.resultTtlMs = undefined;
    source.resultTtlMs = "message";
  } else {
    set("resultTtlMs", milliseconds(headers.result, 1));
  }
  policy.source = source;
  return policy;
}

function milliseconds(value: HeaderValue | undefined, min: number): number | undefined {
  return number(value, min, Number.MAX_SAFE_INTEGER, true);
}

function number(value: HeaderValue | undefined, min: number, max: number, whole: boolean): number | undefined {
  if (typeof value !== "number" || Number.isNaN(value)) return undefined;
  const inRange = Math.min(max, Math.max(min, value));
  return whole ? Math.round(inRange) : inRange;
}
