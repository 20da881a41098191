/**
 * Control and events: at most once, never stored for later, each with an expiry. Losing all of it never affects delivery, so nothing
 * that must happen may depend on it.
 */

import type { TaskEvent } from "./events.ts";

export interface WorkerIdentity {
  /** Unique among running workers: `host-pid-xxxx` unless named by `--name`. */
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly version: string;
}

export interface ControlCommand {
  /** `ping`, `inspect`, `cancel`, `pool-resize`, `shutdown` …; a worker answers a name that it does not know with an error. */
  readonly name: string;
  readonly args?: Readonly<Record<string, unknown>>;
  /** Ids or names of the workers meant; absent means all. */
  readonly to?: readonly string[];
}

export type ControlReply =
  | { readonly worker: string; readonly ok: true; readonly value: unknown }
  | { readonly worker: string; readonly ok: false; readonly error: string };

export type ControlHandler = (command: ControlCommand) => Promise<unknown> | unknown;

export interface ControlChannel extends AsyncDisposable {
  /**
   * Reaches every worker that serves at this moment, within 1 s. Yields replies as they come, until `timeoutMs` has passed or
   * `expect` replies have come; later ones are ignored. Values must be JSON.
   */
  broadcast(
    command: ControlCommand,
    options: { readonly timeoutMs: number; readonly expect?: number },
  ): AsyncIterable<ControlReply>;
  /**
   * How many workers serve at this moment; absent, or undefined, where the server cannot tell. With it a caller stops waiting once all
   * have answered. One that died without a word may be counted for up to 10 s.
   */
  serving?(): Promise<number | undefined>;
  /** Answers commands as `identity`. A handler that throws, or whose value JSON cannot carry, sends the message as the error. One identity serves once. */
  serve(identity: WorkerIdentity, handler: ControlHandler): Promise<void>;
  /** Never blocks, never throws. Overload drops events and counts them in {@link dropped}. */
  emit(events: readonly TaskEvent[]): void;
  /** Events from all workers from now on. Resolves with the function that ends it. While nobody listens, emitting costs next to nothing. */
  listen(listener: (events: readonly TaskEvent[]) => void): Promise<() => Promise<void>>;
  /** False while nobody listens, as far as this process knows (it may learn of a listener 1 s late): events then need not be made. */
  readonly listened: boolean;
  /** Events dropped by this process because of overload. */
  readonly dropped: number;
  close(): Promise<void>;
}
