/** `createApp`: binds tasks to queues, pools and connections. There is no global app. */

import type { Broker } from "../contracts/broker.ts";
import type { Codec } from "../contracts/codec.ts";
import type { ResultStore } from "../contracts/results.ts";
import type {
  Duration,
  ExecutorHooks,
  Middleware,
  PoolOptions,
  QueueOptions,
  RouteOptions,
  TaskOptions,
} from "../contracts/task.ts";
import { type App, bindApp } from "./app.ts";
import { jsonCodec } from "./json-codec.ts";
import { checkKeys, checkTaskOptions, fail, POLICY_KEYS, TASK_KEYS } from "./option-check.ts";
import type { TaskLike } from "./task-types.ts";

export interface AppOptions extends ExecutorHooks {
  /** What this app can run and enqueue: tasks, and references to tasks of others. */
  readonly tasks: readonly TaskLike[];
  /** Where `enqueue` sends to. Connected at the first use, closed by `app.close()`. Under the `lovage` command the worker supplies its own. */
  readonly broker?: Broker;
  /** Where `run.result()` reads from. As `broker`. */
  readonly results?: ResultStore;
  /** Default: `io` (event) and `cpu` (process). Given, they replace the default ones. The pool `io`, else the first, is the default pool. */
  readonly pools?: Readonly<Record<string, PoolOptions>>;
  /** Default: a queue for each pool, of its name. Queues that tasks or routes name exist without being listed. */
  readonly queues?: Readonly<Record<string, QueueOptions>>;
  /** Pattern over task names (`*` is any characters) → queue or options. The first match wins, over the task's own options. */
  readonly routes?: Readonly<Record<string, string | RouteOptions>>;
  /** What holds for tasks that say nothing else. */
  readonly defaults?: Omit<TaskOptions, "aliases" | "schema">;
  /** Wraps each run, in the executor; the first is the outermost. */
  readonly middleware?: readonly Middleware[];
  /** How arguments and values travel. Default: JSON. Producers and workers of one queue must agree. */
  readonly codec?: Codec;
  /** How long `enqueue` goes on asking when the broker's answer was lost, before it rejects with `PublishOutcomeUnknownError`. Default `"10s"`. */
  readonly publishTimeout?: Duration;
}

const APP_KEYS = [
  "tasks",
  "broker",
  "results",
  "pools",
  "queues",
  "routes",
  "defaults",
  "middleware",
  "codec",
  "publishTimeout",
  "onExecutorStart",
  "onExecutorStop",
];
const ROUTE_KEYS = [...POLICY_KEYS, "queue"];
const DEFAULTS_KEYS = TASK_KEYS.filter((key) => key !== "aliases" && key !== "schema");

/**
 * Checks the whole definition at once: `ConfigurationError` for a name, value or reference that cannot work, `DuplicateTaskError` for
 * two tasks of one name or alias. Opens nothing.
 */
export function createApp(options: AppOptions): App {
  checkKeys(options, APP_KEYS, "createApp()");
  if (!Array.isArray(options.tasks)) fail("createApp({ tasks }) must be a list of tasks");
  const routes = options.routes ?? {};
  checkKeys(routes, Object.keys(routes), "createApp({ routes })");
  for (const [pattern, route] of Object.entries(routes)) {
    const asOptions = typeof route === "string" ? { queue: route } : route;
    checkTaskOptions(asOptions, ROUTE_KEYS, `route "${pattern}"`);
  }
  const defaults = options.defaults ?? {};
  checkTaskOptions(defaults, DEFAULTS_KEYS, "createApp({ defaults })");
  const middleware = options.middleware ?? [];
  if (!Array.isArray(middleware) || middleware.some((each) => typeof each !== "function")) {
    fail("createApp({ middleware }) must be a list of functions (context, next) => next()");
  }
  for (const hook of ["onExecutorStart", "onExecutorStop"] as const) {
    if (options[hook] !== undefined && typeof options[hook] !== "function")
      fail(`createApp({ ${hook} }) must be a function`);
  }
  if (options.broker !== undefined && typeof options.broker.publish !== "function") {
    fail("createApp({ broker }) must be a broker object; for a URL use connect(url) from the package lovage");
  }
  if (options.results !== undefined && typeof options.results.read !== "function") {
    fail("createApp({ results }) must be a result store object");
  }
  return bindApp({ ...options, routes, defaults, middleware, codec: options.codec ?? jsonCodec });
}
