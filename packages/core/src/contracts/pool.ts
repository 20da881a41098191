/** The Pool contract: where tasks run. A pool runs what it is given at once; waiting, limits and verdicts belong to the engine. */

import type { ClientPort } from "./client.ts";
import type { WorkerIdentity } from "./control.ts";
import type { ErrorData } from "./errors.ts";
import type { Headers, Payload } from "./message.ts";
import type { AppDefinition } from "./task.ts";

/** What a pool can promise. Asking a pool for more than it can give is an error at start, never ignored. */
export interface PoolCapabilities {
  /**
   * What a task cannot take down with it. `none`: it shares the caller's loop (inline). `loop`: a loop thread shared with neighbours.
   * `thread`: a thread of its own. `process`: a process of its own, so native crashes and memory outside the heap are contained as well.
   */
  readonly isolation: "none" | "loop" | "thread" | "process";
  /**
   * When `kill` works. `always`; `javascript`: while the task runs JavaScript, so a synchronous native call is waited for; `never`:
   * a task with a hard limit is refused at start.
   */
  readonly kill: "always" | "javascript" | "never";
  /** Killing one execution ends others of the same executor, which come back as `abandoned`. */
  readonly killTakesNeighbours: boolean;
  /** Executors can be replaced between runs. */
  readonly recycles: boolean;
  /** `stats()` gives memory per executor. */
  readonly reportsMemory: boolean;
  /** How values reach the task: by reference (inline) or as a copy. */
  readonly passing: "reference" | "copy";
}

/** The app as executors need it: where to import it from, and the definition that the engine has already read. */
export interface AppSource {
  /** `file:` URL of the module that the worker was given; undefined for an app that exists in memory only, which inline pools can run and no others. */
  readonly url?: string;
  /** Which export holds the app. */
  readonly exportName: string;
  readonly definition: AppDefinition;
}

export interface TaskLogEntry {
  readonly id: string;
  readonly task: string;
  readonly attempt: number;
  readonly at: number;
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

export interface TaskProgressEntry {
  readonly id: string;
  readonly at: number;
  /** Encoded by the app's codec. */
  readonly progress: Payload;
}

export interface PoolContext {
  /** The pool's name in this worker, for logs and events. */
  readonly name: string;
  readonly app: AppSource;
  readonly worker: WorkerIdentity;
  /** What tasks use to enqueue, cancel and read results: always the engine's own connections. */
  readonly client: ClientPort;
  /** Batched; the last value of each id wins. Must not throw. */
  onProgress(entries: readonly TaskProgressEntry[]): void;
  /** Batched. Must not throw. */
  onLog(entries: readonly TaskLogEntry[]): void;
  /** How long an executor's loop may be silent, with work aboard, before it is reported as stalled, in ms. Default 1,000. */
  readonly stallMs?: number;
  /** The deadline in ms of `onExecutorStart` and `onExecutorStop`. Default 10,000. */
  readonly hookTimeoutMs?: number;
}

export interface RunRequest {
  /** The task's id. A caller never has two executions of one id in one pool at a time. */
  readonly id: string;
  /** The task's name as in the message; the executor resolves aliases. */
  readonly task: string;
  readonly queue: string;
  readonly headers: Headers;
  readonly body: Payload;
  readonly attempt: number;
  readonly deliveries: number;
  /** When the soft limit will pass, ms since the epoch; what `currentTask().deadline` shows. */
  readonly deadline?: number;
  /** Retries that are still allowed: lets the executor know whether `retry.on` and backoff matter. */
  readonly retriesLeft: number;
}

export type AbortReason = "soft-limit" | "cancelled" | "shutdown" | "lost";
export type KillReason = "hard-limit" | "cancelled" | "shutdown";

/** What the task's own code asked for when it ended by throwing; decided in the executor, where user code runs. */
export type Directive =
  /** `throw retry({ in })`, or `retry.on` and backoff said so. Without `delayMs` the engine's backoff decides. */
  | { readonly type: "retry"; readonly delayMs?: number }
  /** `throw reject(reason)`: to the dead letters, no further attempt. */
  | { readonly type: "reject"; readonly reason: string }
  /** `retry.on` said no, or the error is of a kind that never gets better (unknown task, undecodable, invalid). */
  | { readonly type: "fail"; readonly code?: "unknown-task" | "undecodable" | "invalid" };

export interface RunTimes {
  /** ms since the epoch with fractions, read in the executor just before the task's code began; undefined when it never did. */
  readonly startedAt?: number;
  /** How long the task's code ran, in ms with fractions. */
  readonly durationMs?: number;
}

/** How an execution ended. Six endings, as data. */
export type Outcome =
  | (RunTimes & { readonly type: "returned"; readonly value?: Payload })
  | (RunTimes & { readonly type: "threw"; readonly error: ErrorData; readonly directive?: Directive })
  /** It ended by throwing after `abort`. (A task that returns after `abort` has `returned`.) */
  | (RunTimes & { readonly type: "aborted"; readonly reason: AbortReason; readonly error: ErrorData })
  /** Its executor was ended by `kill` on its behalf. */
  | (RunTimes & { readonly type: "killed"; readonly reason: KillReason })
  /** Its executor ended by itself, with it aboard. `alone`: nothing else ran there, so this task is to blame; else it is a suspect. */
  | (RunTimes & {
      readonly type: "crashed";
      readonly alone: boolean;
      readonly error?: ErrorData;
      readonly exitCode?: number;
      readonly signal?: string;
      /** Last lines of stdout and stderr, at most 20. */
      readonly lastOutput: readonly string[];
      /** Memory of the executor when last seen, in bytes. */
      readonly memoryBytes?: number;
    })
  /** It ended through no fault of its own: a neighbour was killed, the pool closed, or it had not begun. */
  | (RunTimes & { readonly type: "abandoned"; readonly reason: string });

export interface Execution {
  /** Never rejects. Resolves once, when the slot is free again or its executor is being replaced. */
  readonly outcome: Promise<Outcome>;
  /** Aborts the task's signal. Does nothing after the outcome. The first reason stays. */
  abort(reason: AbortReason): void;
  /** Ends the executor as far as `capabilities.kill` allows. Resolves when the outcome has, or after 5 s if the executor cannot be ended: then the outcome is `killed`, the executor counted as lost and replaced. */
  kill(reason: KillReason): Promise<void>;
}

export interface ExecutorStats {
  /** Stable while the executor lives: `cpu#3`. */
  readonly id: string;
  readonly pid?: number;
  readonly threadId?: number;
  readonly state: "starting" | "ready" | "retiring" | "stalled" | "ended";
  readonly running: readonly string[];
  readonly slots: number;
  readonly finished: number;
  readonly startedAt: number;
  /** Heap of a thread, RSS of a process, in bytes, when last sampled. */
  readonly memoryBytes?: number;
  /** Time in which tasks ran, in ms, summed over slots. */
  readonly busyMs: number;
}

export interface PoolStats {
  readonly kind: string;
  readonly capacity: number;
  readonly free: number;
  readonly executors: readonly ExecutorStats[];
  readonly finished: number;
  readonly crashed: number;
  readonly recycled: number;
  readonly killed: number;
}

export type PoolEvent =
  /** `capacity` or `free` changed other than by `run()` and its outcome. */
  | { readonly type: "capacity-changed"; readonly capacity: number; readonly free: number }
  | { readonly type: "executor-started"; readonly executor: string; readonly startMs: number }
  | {
      readonly type: "executor-ended";
      readonly executor: string;
      readonly reason: "recycled" | "resized" | "killed" | "crashed" | "closed";
      readonly exitCode?: number;
      readonly signal?: string;
      readonly lastOutput?: readonly string[];
    }
  /** A replacement could not be started; tried again after `retryInMs`. */
  | {
      readonly type: "executor-start-failed";
      readonly executor: string;
      readonly error: ErrorData;
      readonly retryInMs: number;
    }
  /** The executor's loop has not answered for `stalledMs`; `running` names the suspects. Repeated each time the time doubles. */
  | {
      readonly type: "stalled";
      readonly executor: string;
      readonly running: readonly { readonly id: string; readonly task: string }[];
      readonly stalledMs: number;
      readonly stack?: string;
    }
  | { readonly type: "recovered"; readonly executor: string; readonly stalledMs: number }
  /** A line that an executor printed on its own stdout or stderr. */
  | { readonly type: "output"; readonly executor: string; readonly stream: "stdout" | "stderr"; readonly line: string };

/**
 * Lifecycle: new → (start) starting → running → (close) closing → closed. `run` is legal in running only. Everything a pool starts
 * (threads, processes, timers) has ended when `close()` resolves.
 */
export interface Pool extends AsyncDisposable {
  /** `event`, `process`, `thread`, `solo`, or a name of the author's. For people; nobody branches on it. */
  readonly kind: string;
  readonly capabilities: PoolCapabilities;
  /** Slots in executors that are ready. */
  readonly capacity: number;
  /** Slots that `run()` may take now. Changes by `run()`, with an outcome, or with a `capacity-changed` event. */
  readonly free: number;
  /** Executors up, each with the app imported and `onExecutorStart` done. Rejects with what the module threw (as `AppLoadError`), or with `ExecutorStartError`, and leaves nothing running. */
  start(context: PoolContext): Promise<void>;
  /** Begins at once. Runs asked in one tick reach their executors as one message each. Throws `PoolBusyError` without a free slot. */
  run(request: RunRequest): Execution;
  /** Resolves when exactly `size` (in the pool's own unit: slots) is reached: growth is ready, shrink has let running tasks finish. A newer call supersedes an older one, which then settles with it. Rejects with what kept an executor from starting; the pool goes on trying. Rejects with `ConfigurationError` for a size the pool cannot have. */
  resize(size: number): Promise<void>;
  stats(): PoolStats;
  onEvent(listener: (event: PoolEvent) => void): () => void;
  /** Ends executors: idle ones politely (`onExecutorStop` with its deadline), running ones by force, their executions `abandoned`. Idempotent. */
  close(): Promise<void>;
}
