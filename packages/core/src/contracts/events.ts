/** What happened to tasks, as data: the stream behind `lovage events`, metrics and the benchmarks. Names are in the past tense. */

import type { ErrorData } from "./errors.ts";

interface Base {
  /** When the engine saw it: ms since the epoch with fractions, on the worker's clock. */
  readonly at: number;
  readonly worker: string;
  readonly id: string;
  readonly task: string;
  readonly queue: string;
  readonly attempt: number;
}

/** When the task's code ran, by its executor's clock: start in ms since the epoch, duration in ms. Absent when it never began. */
interface Ran {
  readonly startedAt?: number;
  readonly durationMs?: number;
}

export type TaskEvent =
  | (Base & { readonly type: "task-received"; readonly deliveryCount?: number })
  /** Handed to its executor. The event that ends the run carries the executor's own times. */
  | (Base & { readonly type: "task-started"; readonly pool: string })
  | (Base & Ran & { readonly type: "task-succeeded"; readonly pool: string })
  | (Base &
      Ran & {
        readonly type: "task-retried";
        readonly pool: string;
        readonly delayMs: number;
        readonly error: ErrorData;
      })
  | (Base &
      Ran & { readonly type: "task-failed"; readonly pool: string; readonly error: ErrorData; readonly reason: string })
  | (Base & Ran & { readonly type: "task-cancelled" })
  | (Base & { readonly type: "task-expired" })
  /** Given back unblamed: shutdown, a neighbour's kill, a buffer that was too large. */
  | (Base & { readonly type: "task-released"; readonly reason: string })
  /** Its delivery was redelivered while this worker still ran it: the new ownership replaced the old. */
  | (Base & { readonly type: "task-adopted" })
  /** Its ownership was lost while it ran; another worker may run it too. */
  | (Base & { readonly type: "task-lost" })
  | (Base & { readonly type: "task-progress"; readonly progress: unknown })
  /** It holds its executor's loop: `stack` where Node can give it. */
  | (Base & {
      readonly type: "task-stalled";
      readonly pool: string;
      readonly stalledMs: number;
      readonly stack?: string;
    });
