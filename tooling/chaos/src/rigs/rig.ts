/**
 * What is special about one broker. Everything else (producers, workers, the ledger, the faults that are signals, the checker) is the
 * same for all of them, so a new adapter costs one file here and a line in `rigs.ts`.
 */

import type { FaultKind } from "../schedule.ts";

/** A fault of the broker that its rig can cause: a server that restarts, a link that freezes, a file that is locked. */
export interface RigFault extends FaultKind {
  readonly aims: "broker";
  /** It may by itself make work run again whose worker lives: true where ownership is the connection's and the fault cuts it. */
  readonly excuses: boolean;
}

export interface RigKind {
  /** What `--broker` is given. */
  readonly name: string;
  /** Known without anything started: the schedule is made of it. */
  readonly faults: readonly RigFault[];
  /** A process stopped in the wrong moment keeps all others waiting, as it does where processes share a lock. */
  readonly stopsAll: boolean;
  /**
   * What a retry, a giving back or the end of a delay is in the server: one step, or a copy that is stored before the original goes. Then
   * whatever is struck between the two may leave both.
   */
  readonly requeue: "atomic" | "copy then ack";
  /** Where ownership is the connection's: after so long without a word from a worker the server takes it for gone, in ms. Default 0. */
  readonly silenceMs?: number;
  /** A server that is killed has forgotten what it was told to settle in so many ms before, though it had said done. Default 0. */
  readonly forgetsMs?: number;
  /** Starts what the broker needs, in this folder, and resolves when workers can connect. */
  open(folder: string): Promise<Rig>;
}

export interface Rig extends AsyncDisposable {
  /** What producers and workers are given; with a proxy in between, the proxy's. */
  readonly url: string;
  /** What the runner itself looks through, when that differs: past the proxy. */
  readonly directUrl?: string;
  /** Puts a fault in force, and resolves with what ends it. Rejects when it cannot; the run goes on without it. */
  strike(fault: string): Promise<() => Promise<void>>;
  /** Ends what was started. The folder is the runner's. */
  [Symbol.asyncDispose](): Promise<void>;
}
