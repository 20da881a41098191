/**
 * What crosses between the engine and an executor: data only, one message per tick and direction, many entries in each. Flat arrays
 * for what every task needs, objects for what is rare.
 */

import type { WorkerIdentity } from "../contracts/control.ts";
import type { ErrorData } from "../contracts/errors.ts";
import type { Payload } from "../contracts/message.ts";
import type { AbortReason, Outcome, TaskLogEntry, TaskProgressEntry } from "../contracts/pool.ts";

/**
 * `number, id, task, queue, headers, body, attempt, deliveries, retriesLeft, deadline` (0: none) for each run; headers as JSON text,
 * because cloning objects costs more than all the rest (a message of one run there and back: 36 → 28 µs).
 */
export type RunField = number | string | Payload;
export const RUN_STRIDE = 10;

/** `number, startedAt, durationMs, value` (null: none) for each run that returned. */
export type DoneField = number | Payload | null;
export const DONE_STRIDE = 4;

/** So many runs, or outcomes, of one tick leave without waiting for its end: the other side then works while this one does (200 slots: 227,000 → 285,000 no-op tasks/s). */
export const PIECE = 64;

/** A message as it is posted: runs or outcomes that are alone in theirs are the bare array. */
export type DownMessage = Down | RunField[];
export type UpMessage = Up | DoneField[];

/** Engine → executor. */
export interface Down {
  runs?: RunField[];
  aborts?: { readonly run: number; readonly reason: AbortReason }[];
  replies?: Reply[];
  /** No run is aboard and none will come: run `onExecutorStop`, then end. */
  stop?: true;
}

/** Executor → engine. Within one message: logs and progress were made before the outcomes beside them. */
export interface Up {
  /** The app is imported and `onExecutorStart` has finished. `tasks` are the names that the module registered here. */
  ready?: { readonly tasks: readonly string[] };
  /** It will not become ready. */
  failed?: { readonly stage: "load" | "hook"; readonly error: ErrorData };
  /** The number of the last run that was begun; runs are begun in order. Only where no {@link ExecutorInit.board} says it. */
  began?: number;
  done?: DoneField[];
  ended?: { readonly run: number; readonly outcome: Outcome }[];
  progress?: TaskProgressEntry[];
  logs?: TaskLogEntry[];
  requests?: Request[];
  /** The loop turns. */
  pulse?: true;
  /** Bytes, see `ExecutorStats.memoryBytes`. */
  memory?: number;
  /** An uncaught error that no run can be blamed for: the executor ends because of it. */
  fatal?: ErrorData;
  /** `onExecutorStop` threw or passed its deadline. */
  stopFailed?: ErrorData;
}

/** A call of the executor's `ClientPort`, answered by the engine's. */
export interface Request {
  readonly call: number;
  readonly method: "publish" | "read" | "waitFinal" | "cancel";
  readonly args: readonly unknown[];
}

export type Reply =
  | { readonly call: number; readonly ok: true; readonly value: unknown }
  | { readonly call: number; readonly ok: false; readonly error: WireError };

/** A `LovageError` as it crosses: enough to be recognised by code on the other side. */
export interface WireError extends ErrorData {
  readonly lovage?: { readonly retryable: boolean; readonly subject: Readonly<Record<string, unknown>> };
}

/** What an executor is told when it is spawned. */
export interface ExecutorInit {
  /** `cpu#3`. */
  readonly executor: string;
  /** `file:` URL of the app module; absent when the app is handed over by reference (inline). */
  readonly url?: string;
  readonly exportName: string;
  readonly worker: WorkerIdentity;
  readonly hookTimeoutMs: number;
  /** How often the executor shows that its loop turns while runs are aboard. */
  readonly pulseMs: number;
  /** Waited before `onExecutorStart`, so that a fleet of executors does not open its connections in one moment. */
  readonly hookDelayMs: number;
  /** More than one run may be aboard. */
  readonly shared: boolean;
  /** Element 0 holds the number of the last run begun: readable while the thread's loop is held. */
  readonly board?: Int32Array;
}

/** The executor's end of the wire. */
export interface ExecutorLink {
  post(message: UpMessage): void;
  onMessage(listener: (message: DownMessage) => void): void;
}
