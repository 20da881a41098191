/** The options of `.with()`: checked when given, in the form in which they travel. */

import type { HeaderValue } from "../contracts/message.ts";
import type { Duration, LimitOptions, RetryOptions, TaskOptions } from "../contracts/task.ts";
import { durationMs } from "./duration.ts";
import { isUuid } from "./ids.ts";
import {
  checkKeys,
  checkLimits,
  checkPositiveDuration,
  checkPriority,
  checkQueueName,
  checkResult,
  checkRetry,
  fail,
} from "./option-check.ts";

export interface EnqueueOptions {
  /** Not run before this long from now. The broker keeps it, so it costs no worker's memory. Not together with `at`. */
  readonly delay?: Duration;
  /** Not run before this instant; a past one means now. */
  readonly at?: Date | number;
  /** 0 to 9, 9 first. How strictly it is kept is the broker's capability. */
  readonly priority?: number;
  /** Sent to this queue, whatever task and routes say. */
  readonly queue?: string;
  /** Not started later than this long from now. */
  readonly expires?: Duration;
  /** As the task's option, for this message only; functions do not travel, so `on` and `backoff` stay the task's. */
  readonly retry?: Omit<RetryOptions, "on" | "backoff"> | number;
  readonly limits?: LimitOptions;
  /** `false`: no result of this run is kept. */
  readonly result?: TaskOptions["result"];
  /** The message's id, a UUID. Enqueueing again with the same id is safe where the broker recognises duplicates. Default: a new UUIDv7. */
  readonly id?: string;
  /** Carried along and shown by `currentTask().headers`. Names have a prefix of your own: `"shop.order": 17`. */
  readonly headers?: Readonly<Record<string, HeaderValue>>;
}

/** What is left to do per message once options are checked: the durations from now, and the headers that are the same for all. */
export interface SendOptions {
  readonly delayMs?: number;
  readonly dueAt?: number;
  readonly priority?: number;
  readonly queue?: string;
  readonly expiresMs?: number;
  readonly id?: string;
  /** Overrides of retry, limits and result, and the caller's own. */
  readonly headers?: Readonly<Record<string, HeaderValue>>;
}

export const NO_OPTIONS: SendOptions = {};

const KEYS = ["delay", "at", "priority", "queue", "expires", "retry", "limits", "result", "id", "headers"];
const OWN_HEADER = /^[a-z0-9_-]+(\.[a-z0-9_-]+)+$/;
const RESERVED = /^(retry|limit)\./;

/** Throws `ConfigurationError` for unknown names and bad values. */
export function sendOptions(options: EnqueueOptions): SendOptions {
  checkKeys(options, KEYS, "with()");
  const { delay, at, priority, queue, expires, id } = options;
  if (delay !== undefined && at !== undefined) fail("with(): give delay or at, not both");
  if (priority !== undefined) checkPriority(priority, "with().priority");
  if (queue !== undefined) checkQueueName(queue, "with().queue");
  if (expires !== undefined) checkPositiveDuration(expires, "with().expires");
  if (id !== undefined && !isUuid(id)) {
    fail(`with().id ${JSON.stringify(id)} is not a UUID; derive one from a key of yours with UUIDv5`);
  }
  const headers = { ...ownHeaders(options.headers ?? {}), ...overrides(options) };
  return {
    ...(delay === undefined ? {} : { delayMs: durationMs(delay, "with().delay") }),
    ...(at === undefined ? {} : { dueAt: instant(at) }),
    ...(priority === undefined ? {} : { priority }),
    ...(queue === undefined ? {} : { queue }),
    ...(expires === undefined ? {} : { expiresMs: durationMs(expires, "with().expires") }),
    ...(id === undefined ? {} : { id: id.toLowerCase() }),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
  };
}

function instant(at: Date | number): number {
  const ms = at instanceof Date ? at.getTime() : at;
  if (typeof ms !== "number" || !Number.isFinite(ms))
    fail("with().at must be a valid Date or milliseconds since the epoch");
  return Math.round(ms);
}

function overrides({ retry, limits, result }: EnqueueOptions): Record<string, HeaderValue> {
  const headers: Record<string, HeaderValue> = {};
  if (retry !== undefined) {
    checkRetry(retry, "with().retry");
    const given: RetryOptions = typeof retry === "number" ? { attempts: retry } : retry;
    if (given.on !== undefined || given.backoff !== undefined) {
      fail("with().retry cannot carry the functions on and backoff; put them on the task");
    }
    headers["retry.attempts"] = given.attempts;
    if (given.delay !== undefined) headers["retry.delay"] = durationMs(given.delay, "with().retry.delay");
    if (given.factor !== undefined) headers["retry.factor"] = given.factor;
    if (given.maxDelay !== undefined) headers["retry.max"] = durationMs(given.maxDelay, "with().retry.maxDelay");
    if (given.jitter !== undefined) headers["retry.jitter"] = given.jitter;
  }
  if (limits !== undefined) {
    checkLimits(limits, "with().limits");
    const soft = limits.soft === undefined ? undefined : durationMs(limits.soft, "with().limits.soft");
    const hard = limits.hard === undefined ? undefined : durationMs(limits.hard, "with().limits.hard");
    if (soft !== undefined && hard !== undefined && soft > hard) fail("with().limits.soft is longer than hard");
    if (soft !== undefined) headers["limit.soft"] = soft;
    if (hard !== undefined) headers["limit.hard"] = hard;
  }
  if (result !== undefined) {
    checkResult(result, "with().result");
    headers.result = result === false ? false : durationMs(result.ttl, "with().result.ttl");
  }
  return headers;
}

function ownHeaders(headers: Readonly<Record<string, HeaderValue>>): Record<string, HeaderValue> {
  if (typeof headers !== "object" || headers === null) fail("with().headers must be an object");
  for (const [name, value] of Object.entries(headers)) {
    if (!OWN_HEADER.test(name) || RESERVED.test(name)) {
      fail(`with().headers: "${name}" is not a name of your own; use lower case with a prefix, such as "shop.order"`);
    }
    const scalar = typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
    if (!scalar) fail(`with().headers: "${name}" must be a string, a finite number or a boolean`);
  }
  return { ...headers };
}
