/** What wins for one task: app defaults < queue defaults < task < route, option by option. */

import { DEFAULT_PRIORITY } from "../contracts/message.ts";
import { DEFAULT_RESULT_TTL_MS } from "../contracts/results.ts";
import {
  type AppDefinition,
  DEFAULT_HARD_LIMIT_MS,
  type ResolvedTask,
  type RetryOptions,
  type RouteOptions,
  type TaskOptions,
} from "../contracts/task.ts";
import { durationMs } from "./duration.ts";
import { glob } from "./glob.ts";
import { fail } from "./option-check.ts";

type LevelName = "app" | "queue" | "task" | "route";
type Source = "default" | LevelName;

/** One level of precedence: the options that it sets. */
export interface Level {
  readonly name: LevelName;
  readonly options: Pick<TaskOptions, "queue" | "priority" | "retry" | "limits" | "expires" | "result">;
}

const DEFAULT_RETRY_DELAY_MS = 1_000;
const DEFAULT_RETRY_FACTOR = 2;
const DEFAULT_RETRY_MAX_DELAY_MS = 3_600_000;

type Definitions = Pick<AppDefinition, "queues" | "routes" | "defaults">;

/** The first route whose pattern matches, as options; `undefined` when none does. */
function routeOf(routes: Definitions["routes"], task: string): RouteOptions | undefined {
  for (const [pattern, route] of Object.entries(routes)) {
    if (glob(pattern)(task)) return typeof route === "string" ? { queue: route } : route;
  }
  return undefined;
}

/** The levels that speak about a task, the weakest first. `own` is what the task itself says; it may be unknown here. */
export function levelsOf(app: Definitions, task: string, own: TaskOptions, queue: string): readonly Level[] {
  return [
    { name: "app", options: app.defaults },
    { name: "queue", options: app.queues[queue]?.defaults ?? {} },
    { name: "task", options: own },
    { name: "route", options: routeOf(app.routes, task) ?? {} },
  ];
}

/** The queue of a task, and who chose it. */
function queueOf(
  app: Definitions,
  task: string,
  own: TaskOptions,
  defaultQueue: string,
): { readonly queue: string; readonly source: Source } {
  const routed = routeOf(app.routes, task)?.queue;
  if (routed !== undefined) return { queue: routed, source: "route" };
  const asked = own.queue ?? own.pool;
  if (asked !== undefined) return { queue: asked, source: "task" };
  const general = app.defaults.queue ?? app.defaults.pool;
  return { queue: defaultQueue, source: general === undefined ? "default" : "app" };
}

/**
 * All options of a task in ms. Each is decided for itself: a route that sets `retry: 5` keeps the task's own delay. Throws
 * `ConfigurationError` for options that contradict each other once merged.
 */
export function resolveTask(
  app: Definitions,
  task: string,
  own: TaskOptions,
  general: { readonly defaultQueue: string; readonly defaultPool: string },
): ResolvedTask {
  const { queue, source: queueSource } = queueOf(app, task, own, general.defaultQueue);
  const pool = app.queues[queue]?.pool ?? general.defaultPool;
  if (own.pool !== undefined && own.pool !== pool) {
    const by = queueSource === "route" ? "a route sends it to" : "it goes to";
    fail(
      `task "${task}" asks for pool "${own.pool}", but ${by} queue "${queue}", which pool "${pool}" serves; ` +
        "change one of them",
      { task, queue, pool: own.pool },
    );
  }
  const levels = levelsOf(app, task, own, queue);
  const source: Record<string, Source> = { queue: queueSource, pool: poolSource(app, queue) };
  const pick = <T>(key: string, read: (options: Level["options"]) => T | undefined, fallback: T): T => {
    for (let i = levels.length - 1; i >= 0; i--) {
      const level = levels[i] as Level;
      const value = read(level.options);
      if (value !== undefined) {
        source[key] = level.name;
        return value;
      }
    }
    source[key] = "default";
    return fallback;
  };
  const where = (option: string): string => `task "${task}": ${option}`;
  const softMs = pick("softMs", ({ limits }) => optionalMs(limits?.soft, where("limits.soft")), undefined);
  const hardMs = pick("hardMs", ({ limits }) => optionalMs(limits?.hard, where("limits.hard")), DEFAULT_HARD_LIMIT_MS);
  const hardExplicit = source.hardMs !== "default";
  if (softMs !== undefined && softMs > hardMs && hardExplicit) {
    fail(`task "${task}": its soft limit of ${softMs} ms is longer than its hard limit of ${hardMs} ms`, { task });
  }
  return {
    name: task,
    queue,
    pool,
    attempts: pick("attempts", ({ retry }) => retryOf(retry)?.attempts, 1),
    retryDelayMs: pick(
      "retryDelayMs",
      ({ retry }) => optionalMs(retryOf(retry)?.delay, where("retry.delay")),
      DEFAULT_RETRY_DELAY_MS,
    ),
    retryFactor: pick("retryFactor", ({ retry }) => retryOf(retry)?.factor, DEFAULT_RETRY_FACTOR),
    retryMaxDelayMs: pick(
      "retryMaxDelayMs",
      ({ retry }) => optionalMs(retryOf(retry)?.maxDelay, where("retry.maxDelay")),
      DEFAULT_RETRY_MAX_DELAY_MS,
    ),
    retryJitter: pick("retryJitter", ({ retry }) => retryOf(retry)?.jitter, "full"),
    softMs,
    hardMs: hardExplicit ? hardMs : defaultHardMs(softMs, hardMs),
    hardExplicit,
    priority: pick("priority", ({ priority }) => priority, DEFAULT_PRIORITY),
    expiresMs: pick("expiresMs", ({ expires }) => optionalMs(expires, where("expires")), undefined),
    resultTtlMs: pick<{ ms: number | undefined }>(
      "resultTtlMs",
      ({ result }) =>
        result === undefined
          ? undefined
          : { ms: result === false ? undefined : durationMs(result.ttl, where("result.ttl")) },
      { ms: DEFAULT_RESULT_TTL_MS },
    ).ms,
    source,
  };
}

/** A soft limit beyond the default hard limit is a wish to run that long: the default, which nobody asked for, gives way. */
export function defaultHardMs(softMs: number | undefined, hardMs: number): number {
  return softMs !== undefined && softMs > hardMs ? softMs * 2 : hardMs;
}

/** What of `retry` is code: it stays in the executor. Decided by the same precedence, each for itself. */
export function retryFunctionsOf(levels: readonly Level[]): Pick<RetryOptions, "on" | "backoff"> {
  let found: { on?: NonNullable<RetryOptions["on"]>; backoff?: NonNullable<RetryOptions["backoff"]> } = {};
  for (const { options } of levels) {
    const { on, backoff } = retryOf(options.retry) ?? {};
    found = { ...found, ...(on === undefined ? {} : { on }), ...(backoff === undefined ? {} : { backoff }) };
  }
  return found;
}

function retryOf(retry: RetryOptions | number | undefined): Partial<RetryOptions> | undefined {
  return typeof retry === "number" ? { attempts: retry } : retry;
}

function optionalMs(value: RetryOptions["delay"], what: string): number | undefined {
  return value === undefined ? undefined : durationMs(value, what);
}

function poolSource(app: Definitions, queue: string): Source {
  return app.queues[queue] === undefined ? "default" : "queue";
}
