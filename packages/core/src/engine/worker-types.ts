/** What a caller of the engine sees: options, the worker, its events and the answers of `inspect`. */

import type {
  AppSource,
  Broker,
  BrokerEvent,
  ErrorData,
  Pool,
  PoolEvent,
  PoolStats,
  QueueDeclaration,
  ResultStore,
  TaskEvent,
  TaskLogEntry,
  WorkerIdentity,
} from "../contracts/index.ts";

export interface WorkerPool {
  readonly pool: Pool;
  /** Deliveries held beyond the slots. Default `"auto"`. */
  readonly buffer?: number | "auto";
}

export interface WorkerQueue {
  readonly name: string;
  /** Name of the pool that serves it. */
  readonly pool: string;
  /** Share of a contended pool. Default 1. */
  readonly weight?: number;
  readonly declaration?: Omit<QueueDeclaration, "name">;
}

export interface WorkerOptions {
  readonly app: AppSource;
  /** Connected or not; the worker connects it, and closes it at the end. */
  readonly broker: Broker;
  readonly results?: ResultStore;
  readonly pools: Readonly<Record<string, WorkerPool>>;
  readonly queues: readonly WorkerQueue[];
  /** Unique name. Default `host-pid-xxxx`. */
  readonly name?: string;
  readonly version?: string;
  /** How long `stop()` lets running tasks finish before it gives them back, in ms. Default 25,000. Their signals are aborted after 80 % of it. */
  readonly graceMs?: number;
  /** Runs begun without an end (crashes, dead workers) after which a message is dead-lettered as `poison`. Default 3. */
  readonly maxStarts?: number;
  /** Deliveries after which a message is poison on brokers that do not count starts. Default 20. */
  readonly maxDeliveries?: number;
  /** How long a loop may be silent before its task is reported as stalled, in ms. Default 1,000. */
  readonly stallMs?: number;
}

/** new → starting → running ⇄ quiet → draining → stopped. Quiet takes no new work and goes on with what it has. */
export type WorkerState = "new" | "starting" | "running" | "quiet" | "draining" | "stopped";

export type StopPhase =
  | "intake-stopped"
  | "unstarted-released"
  | "waiting"
  | "aborting"
  | "giving-back"
  | "closing"
  | "stopped";

/** What `onEvent` of a worker carries: everything that happens in it, typed by `type`. */
export type WorkerEvent =
  | TaskEvent
  | { readonly type: "worker-state-changed"; readonly state: WorkerState }
  | { readonly type: "stop-phase"; readonly phase: StopPhase; readonly running: number }
  | { readonly type: "task-log"; readonly entry: TaskLogEntry }
  | { readonly type: "pool"; readonly pool: string; readonly event: PoolEvent }
  | { readonly type: "broker"; readonly event: BrokerEvent }
  | {
      readonly type: "result-store";
      readonly state: "failing" | "recovered";
      readonly held: number;
      readonly error?: ErrorData;
    }
  /** Something about how this worker is set up that an operator should change; work goes on. `overdue-limit`: a task may hold its message for longer than the broker lets it. `replies-unserved`: a client waits for a result that this worker does not send. */
  | { readonly type: "warning"; readonly code: string; readonly message: string }
  /** Something that should not happen went wrong inside the engine; work goes on. */
  | { readonly type: "internal-error"; readonly where: string; readonly error: ErrorData };

export interface StopReport {
  /** Tasks that were running or buffered and went back to the broker. */
  readonly givenBack: number;
  /** Tasks that succeeded or failed in the worker's whole life. */
  readonly finished: number;
  /** Every phase ended within its deadline, and nothing that ran had to be given back. */
  readonly clean: boolean;
}

export interface ActiveTask {
  readonly id: string;
  readonly task: string;
  readonly queue: string;
  readonly pool: string;
  readonly attempt: number;
  readonly startedAt: number;
  readonly runningMs: number;
  readonly stalled: boolean;
}

export interface ReservedTask {
  readonly id: string;
  readonly task: string;
  readonly queue: string;
  readonly heldMs: number;
}

export interface TaskTotals {
  readonly received: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly retried: number;
  readonly released: number;
  readonly cancelled: number;
  readonly expired: number;
  readonly stalled: number;
}

export interface WorkerStats {
  readonly identity: WorkerIdentity;
  readonly state: WorkerState;
  readonly uptimeMs: number;
  readonly totals: TaskTotals;
  /** Per task name: runs, mean and greatest duration in ms. */
  readonly tasks: Readonly<Record<string, TaskTotals & { readonly meanMs: number; readonly maxMs: number }>>;
  readonly pools: Readonly<
    Record<string, PoolStats & { readonly buffered: number; readonly queues: readonly string[] }>
  >;
  readonly queues: Readonly<
    Record<string, { readonly pool: string; readonly credit: number; readonly held: number; readonly weight: number }>
  >;
  readonly broker: { readonly name: string; readonly address: string; readonly connected: boolean };
  /** The longest the engine's own loop was held in the last minute, in ms. */
  readonly engineLagMs: number;
  readonly rssBytes: number;
}

export interface Worker extends AsyncDisposable {
  readonly identity: WorkerIdentity;
  readonly state: WorkerState;
  /** Checks the whole configuration, starts pools, connects, begins to take work. Rejects with the first error and leaves nothing running. */
  start(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Takes no more work until {@link unquiet}. */
  quiet(): void;
  unquiet(): void;
  /** Stops intake, releases what has not begun, waits `graceMs`, aborts, gives back, closes. A second call, or `graceMs: 0`, gives back at once. Idempotent. */
  stop(options?: { readonly graceMs?: number }): Promise<StopReport>;
  /** Resolves when every queue of this worker is empty (delayed included) and nothing runs: what `--drain` waits for. */
  drained(options?: { readonly signal?: AbortSignal }): Promise<void>;
  stats(): WorkerStats;
  active(): readonly ActiveTask[];
  reserved(): readonly ReservedTask[];
  /** Aborts a task that this worker holds; with `stop`, kills it after 5 s. False if it is not here. */
  cancel(id: string, options?: { readonly reason?: string; readonly stop?: boolean }): boolean;
  /**
   * Returns the function that ends it. `routine: false` spares the listener the events of every ordinary run (received, started,
   * succeeded), and the worker their cost while nobody else wants them. Default true.
   */
  onEvent(listener: (event: WorkerEvent) => void, options?: { readonly routine?: boolean }): () => void;
}
