/** The Task contract: what the engine and the executors need of tasks and apps, whichever copy of this package made them. */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Broker } from "./broker.ts";
import type { ClientPort } from "./client.ts";
import type { Codec } from "./codec.ts";
import type { Headers } from "./message.ts";
import type { ResultStore } from "./results.ts";

/** Milliseconds, or a number and a unit: `"250ms"`, `"20s"`, `"5m"`, `"2h"`, `"7d"`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

export interface RetryOptions {
  /** Attempts in all, the first included. At least 1. */
  readonly attempts: number;
  /** Delay before the second attempt. Default `"1s"`. */
  readonly delay?: Duration;
  /** Each further delay is this many times the last. Default 2. */
  readonly factor?: number;
  /** No delay is longer. Default `"1h"`. */
  readonly maxDelay?: Duration;
  /** `full`: uniform between 0 and the delay (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015), so that failures of one moment do not return together. `none`: exactly the delay. Default `full`. */
  readonly jitter?: "full" | "none";
  /** Runs in the executor. False: no further attempt. */
  readonly on?: (error: unknown, attempt: number) => boolean;
  /** Runs in the executor, in place of delay, factor, maxDelay and jitter. */
  readonly backoff?: (attempt: number, error: unknown) => Duration;
}

export interface LimitOptions {
  /** The task's `AbortSignal` is aborted after this long. Default none. */
  readonly soft?: Duration;
  /** The task is killed after this long. Default: the app's default limit, which is 1 h unless set. */
  readonly hard?: Duration;
}

export interface TaskOptions {
  /** Default: the queue named after `pool`, else the app's default queue. */
  readonly queue?: string;
  /** Checked at start: the task's queue must be served by this pool. */
  readonly pool?: string;
  /** A number is short for `{ attempts }`. Default: one attempt. */
  readonly retry?: RetryOptions | number;
  readonly limits?: LimitOptions;
  /** 0 to 9, 9 first. Default 5. */
  readonly priority?: number;
  /** Not started later than this after enqueueing. Default never. */
  readonly expires?: Duration;
  /** `false`: no result is kept. Default: kept for an hour where a result store is configured. */
  readonly result?: false | { readonly ttl: Duration };
  /** Former names: messages that carry them still find this task. */
  readonly aliases?: readonly string[];
  /** Standard Schema for the tuple of arguments (its input travels, its output reaches the function) and for the return value. */
  readonly schema?: { readonly args?: StandardSchemaV1; readonly returns?: StandardSchemaV1 };
}

export interface TaskLog {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** What a running task can know and say; `currentTask()` gives it. */
export interface TaskContext {
  readonly id: string;
  readonly task: string;
  readonly queue: string;
  /** From 1. */
  readonly attempt: number;
  /** Hand-overs of the message, from 1; more than `attempt` when a worker died. */
  readonly deliveries: number;
  /** Aborted at the soft limit, on cancel, at shutdown, and when the delivery is lost; `reason` is a LovageError. */
  readonly signal: AbortSignal;
  /** When the soft limit passes, ms since the epoch. */
  readonly deadline: number | undefined;
  readonly headers: Headers;
  readonly root: string;
  readonly parent: string | undefined;
  /** Reports progress: any JSON value, the last one wins. Sent in batches; never throws for transport's sake. */
  progress(value: unknown): void;
  readonly log: TaskLog;
}

/** A task as the engine and executors see it. */
export interface TaskDefinition {
  readonly name: string;
  readonly options: TaskOptions;
  /** Runs the user's function. Only executors call it. */
  invoke(args: readonly unknown[], context: TaskContext): unknown;
}

export interface TaskRegistry extends Iterable<TaskDefinition> {
  readonly size: number;
  /** By name or alias. */
  get(name: string): TaskDefinition | undefined;
  names(): readonly string[];
}

/** Wraps each run, in the executor: `(context, next) => next()`. The first in the list is the outermost. */
export type Middleware = (context: TaskContext, next: () => Promise<unknown>) => Promise<unknown>;

export interface QueueOptions {
  /** The pool that serves it. Default: the pool of the same name, else the default pool. */
  readonly pool?: string;
  /** Share of a contended pool. Default 1. */
  readonly weight?: number;
  readonly lease?: Duration;
  readonly maxDead?: number;
  readonly deadRetention?: Duration;
  /** Defaults for tasks of this queue. */
  readonly defaults?: Omit<TaskOptions, "queue" | "aliases" | "schema" | "pool">;
}

export interface PoolOptions {
  /** `event`, `process`, `thread`, `solo`; Celery's names are understood where a person types them. */
  readonly kind: string;
  /** Slots. Default: by kind. */
  readonly size?: number;
  readonly recycle?: RecycleOptions;
  /** Deliveries held beyond the slots. Default `"auto"`: up to 5 ms of work for tasks that are shorter than that, else none. */
  readonly buffer?: number | "auto";
  /** Further settings of that kind of pool. */
  readonly [option: string]: unknown;
}

/** An executor is replaced, between runs and with its successor started first, when one of these is reached. Default: never. */
export interface RecycleOptions {
  readonly tasks?: number;
  /** Bytes: heap of a thread, RSS of a process. */
  readonly memory?: number;
  readonly age?: Duration;
  /** Ended after this long without work, down to one executor; started again when needed. */
  readonly idle?: Duration;
}

export type RouteOptions = Pick<TaskOptions, "queue" | "priority" | "retry" | "limits" | "expires" | "result">;

export interface ExecutorHooks {
  readonly onExecutorStart?: () => unknown;
  readonly onExecutorStop?: () => unknown;
}

export const APP_BRAND: unique symbol = Symbol.for("lovage.app") as never;
/** Raised when engine and executors must refuse apps made by an older or newer core. */
export const APP_CONTRACT_VERSION = 1;

/** An app: what a worker is given. Recognised by its brand and version, never by class. */
export interface AppDefinition {
  readonly [APP_BRAND]: number;
  readonly tasks: TaskRegistry;
  readonly queues: Readonly<Record<string, QueueOptions>>;
  readonly pools: Readonly<Record<string, PoolOptions>>;
  /** Glob over task names → options; the first match wins. */
  readonly routes: Readonly<Record<string, string | RouteOptions>>;
  readonly defaults: Omit<TaskOptions, "aliases" | "schema">;
  readonly middleware: readonly Middleware[];
  readonly hooks: ExecutorHooks;
  readonly codec: Codec;
  /** What `createApp` was given: what the worker uses unless it is told otherwise. */
  readonly broker?: Broker;
  readonly results?: ResultStore;
  /** What wins of app, queue, task and route for one task, with where each option came from. */
  resolve(task: string): ResolvedTask;
  /**
   * Supplies the connections that handles and `enqueue` use from now on. The worker and each executor call it once, and the function
   * that it returns when they end: what was attached before holds again, and at last the app's own connections.
   */
  attach(port: ClientPort): () => void;
}

/** Who set an option. `worker`: a flag of the worker command, which replaces what is only the default or the app's. `message`: one message's own headers. */
export type OptionSource = "default" | "app" | "worker" | "queue" | "task" | "route" | "message";

/** Options of one task after precedence app < queue < task < route, in ms. `source` names the level that won, for `inspect conf`. */
export interface ResolvedTask {
  readonly name: string;
  readonly queue: string;
  readonly pool: string;
  readonly attempts: number;
  readonly retryDelayMs: number;
  readonly retryFactor: number;
  readonly retryMaxDelayMs: number;
  readonly retryJitter: "full" | "none";
  readonly softMs: number | undefined;
  readonly hardMs: number;
  /** The hard limit was asked for by someone, and is not only the default. */
  readonly hardExplicit: boolean;
  readonly priority: number;
  readonly expiresMs: number | undefined;
  /** How long results are kept; undefined means no result. */
  readonly resultTtlMs: number | undefined;
  readonly source: Readonly<Record<string, OptionSource>>;
}

export const DEFAULT_QUEUE = "io";
export const DEFAULT_POOL = "io";
export const DEFAULT_HARD_LIMIT_MS = 3_600_000;
