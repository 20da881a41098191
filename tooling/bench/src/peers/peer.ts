/** Other queues, measured in the same run, on a server of the same settings. */

export interface Drained {
  readonly perSecond: number;
  /** Processor time of the worker and its executors per task. */
  readonly cpuUs: number;
  readonly pssBytes: number;
}

/** A worker of another queue, and the cases of ours that it is compared with. */
export interface PeerDrain {
  readonly name: string;
  readonly against: readonly string[];
  readonly tasks: number;
  drain(tasks: number): Promise<Drained>;
}

/** A way of storing messages, and the case of ours that it is compared with. */
export interface PeerStore {
  readonly name: string;
  readonly against: string;
  readonly tasks: number;
  /** Resolves with the time that it took, in ms. */
  store(tasks: number): Promise<number>;
}

export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** A worker that runs so many tasks at a time, each of which waits. */
export interface WaitingPeer {
  readonly name: string;
  readonly concurrency: number;
  /** From the first start to the last end; from starting the worker to its being ready; from then on. */
  wait(
    tasks: number,
    taskMs: number,
  ): Promise<{
    readonly makespanMs: number;
    readonly readyMs: number;
    readonly cpuMs: number;
    readonly pssBytes: number;
  }>;
}

export interface Peer {
  readonly name: string;
  /** What must be said about the comparison. */
  readonly note: string;
  readonly drains: readonly PeerDrain[];
  readonly stores: readonly PeerStore[];
  /** Time from adding a job to its start, one at a time, in ms. */
  readonly latency?: (jobs: number, pauseMs: () => number) => Promise<Latency>;
  readonly waiting?: readonly WaitingPeer[];
}
