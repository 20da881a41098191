/** What options may hold, checked where they are written, so that a mistake is an error at start and not a surprise at night. */

import { ConfigurationError } from "../contracts/errors.ts";
import { MAX_PRIORITY, MIN_PRIORITY } from "../contracts/message.ts";
import type { Duration, LimitOptions, RetryOptions, TaskOptions } from "../contracts/task.ts";
import { durationMs } from "./duration.ts";

const TASK_NAME = /^[A-Za-z0-9_.:/-]{1,200}$/;
const QUEUE_NAME = /^[A-Za-z0-9._-]{1,128}$/;
const RETRY_KEYS = ["attempts", "delay", "factor", "maxDelay", "jitter", "on", "backoff"];

/** Names of the options that a level of precedence may set. */
export const POLICY_KEYS: readonly string[] = ["retry", "limits", "priority", "expires", "result"];
export const TASK_KEYS: readonly string[] = [...POLICY_KEYS, "queue", "pool", "aliases", "schema"];

export function fail(message: string, subject: Readonly<Record<string, unknown>> = {}): never {
  throw new ConfigurationError(message, { subject });
}

/** Refuses anything but an object whose keys are all known. */
export function checkKeys(value: unknown, known: readonly string[], where: string): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail(`${where} must be an object`);
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      fail(`${where} has no option "${key}"; it has: ${known.join(", ")}`, { option: key });
    }
  }
}

export function checkTaskName(name: unknown, where: string): void {
  if (typeof name !== "string" || !TASK_NAME.test(name)) {
    fail(`${where} ${JSON.stringify(name)} is not a task name; use 1 to 200 characters of A–Z a–z 0–9 . _ - : /`);
  }
}

export function checkQueueName(name: unknown, where: string): void {
  if (typeof name !== "string" || !QUEUE_NAME.test(name)) {
    fail(`${where} ${JSON.stringify(name)} is not a queue name; use 1 to 128 characters of A–Z a–z 0–9 . _ -`);
  }
}

export function checkInteger(value: unknown, min: number, max: number, where: string): void {
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    fail(`${where} must be a whole number ${range}, not ${String(value)}`, { option: where });
  }
}

export function checkPriority(value: unknown, where: string): void {
  checkInteger(value, MIN_PRIORITY, MAX_PRIORITY, where);
}

/** At least 1 ms: a limit, lifetime or expiry of 0 would mean that nothing ever runs or stays. */
export function checkPositiveDuration(value: Duration, where: string): void {
  if (durationMs(value, where) < 1) fail(`${where} must be at least 1 ms`, { option: where });
}

export function checkRetry(retry: RetryOptions | number, where: string): void {
  if (typeof retry === "number") {
    checkInteger(retry, 1, Number.MAX_SAFE_INTEGER, where);
    return;
  }
  checkKeys(retry, RETRY_KEYS, where);
  checkInteger(retry.attempts, 1, Number.MAX_SAFE_INTEGER, `${where}.attempts`);
  if (retry.delay !== undefined) durationMs(retry.delay, `${where}.delay`);
  if (retry.maxDelay !== undefined) durationMs(retry.maxDelay, `${where}.maxDelay`);
  if (retry.factor !== undefined && !(Number.isFinite(retry.factor) && retry.factor >= 1)) {
    fail(`${where}.factor must be a number of at least 1, not ${String(retry.factor)}`);
  }
  if (retry.jitter !== undefined && retry.jitter !== "full" && retry.jitter !== "none") {
    fail(`${where}.jitter must be "full" or "none", not ${JSON.stringify(retry.jitter)}`);
  }
  for (const key of ["on", "backoff"] as const) {
    if (retry[key] !== undefined && typeof retry[key] !== "function") fail(`${where}.${key} must be a function`);
  }
}

export function checkLimits(limits: LimitOptions, where: string): void {
  checkKeys(limits, ["soft", "hard"], where);
  if (limits.soft !== undefined) checkPositiveDuration(limits.soft, `${where}.soft`);
  if (limits.hard !== undefined) checkPositiveDuration(limits.hard, `${where}.hard`);
}

export function checkResult(result: NonNullable<TaskOptions["result"]>, where: string): void {
  if (result === false) return;
  checkKeys(result, ["ttl"], where);
  checkPositiveDuration(result.ttl, `${where}.ttl`);
}

/** The options of one level: a task's own, a route's, a queue's or the app's defaults. `known` says which of them it may set. */
export function checkTaskOptions(options: TaskOptions, known: readonly string[], where: string): void {
  checkKeys(options, known, where);
  if (options.queue !== undefined) checkQueueName(options.queue, `${where}.queue`);
  if (options.pool !== undefined && typeof options.pool !== "string") fail(`${where}.pool must be the name of a pool`);
  if (options.priority !== undefined) checkPriority(options.priority, `${where}.priority`);
  if (options.expires !== undefined) checkPositiveDuration(options.expires, `${where}.expires`);
  if (options.retry !== undefined) checkRetry(options.retry, `${where}.retry`);
  if (options.limits !== undefined) checkLimits(options.limits, `${where}.limits`);
  if (options.result !== undefined) checkResult(options.result, `${where}.result`);
  if (options.aliases !== undefined) {
    if (!Array.isArray(options.aliases)) fail(`${where}.aliases must be a list of names`);
    for (const alias of options.aliases) checkTaskName(alias, `${where}.aliases:`);
  }
  if (options.schema !== undefined) checkSchemas(options.schema, `${where}.schema`);
}

function checkSchemas(schema: NonNullable<TaskOptions["schema"]>, where: string): void {
  checkKeys(schema, ["args", "returns"], where);
  for (const key of ["args", "returns"] as const) {
    const given = schema[key];
    if (given !== undefined && typeof given["~standard"]?.validate !== "function") {
      fail(
        `${where}.${key} is not a Standard Schema (https://standardschema.dev); its "~standard".validate is missing`,
      );
    }
  }
}
