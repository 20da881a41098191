/** What a pool package brings: how one executor is spawned, talked to and ended. Everything else is the runner's. */

import type { AppSource } from "../contracts/pool.ts";
import type { DownMessage, ExecutorInit, UpMessage } from "./protocol.ts";

export interface SpawnRequest {
  readonly init: ExecutorInit;
  readonly app: AppSource;
}

/** What the runner hears of a unit. Nothing is called before `spawn` has returned, nothing after `onExit`. */
export interface UnitEvents {
  onMessage(message: UpMessage): void;
  onOutput(stream: "stdout" | "stderr", text: string): void;
  /** Exactly once, after its last message and its last output. */
  onExit(exit: UnitExit): void;
}

export interface UnitExit {
  readonly exitCode?: number;
  readonly signal?: string;
  /** What the runtime knows of the reason: an uncaught error, heap exhaustion, a failed spawn. */
  readonly error?: unknown;
}

/** One thread, process or inline loop. */
export interface Unit {
  readonly pid?: number;
  readonly threadId?: number;
  /** Never throws; a message to a unit that has ended is dropped, `onExit` tells. */
  post(message: DownMessage): void;
  /** Ends it by force. `onExit` follows as soon as the operating system or Node allows. Idempotent. */
  kill(): void;
  /** Bytes, read from outside while it is busy; undefined where that cannot be known cheaply. */
  sampleMemory?(): number | undefined;
  /** Where its JavaScript is at this moment, although its loop is held; undefined where Node cannot tell. */
  stack?(): Promise<string | undefined>;
}

export interface ExecutorRuntime {
  /** Units are threads of this process, so that memory can be shared with them. */
  readonly sharesMemory: boolean;
  /** Never throws: a failed spawn is an `onExit` with its error. */
  spawn(request: SpawnRequest, events: UnitEvents): Unit;
}
