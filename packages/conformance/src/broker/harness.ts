import type { Broker } from "@lovage/core/contracts";

export interface ConnectionOptions {
  /** The client's clock is wrong by this much, in ms. Asked for only where `skewable`. */
  readonly clockOffsetMs?: number;
  /** How long the adapter may take for one operation, in ms, where it can be told. Scenarios with faults ask for less than the default. */
  readonly operationTimeoutMs?: number;
}

/** What the author of a broker gives the kit: how to make connections, and whatever means there are to do the server harm. */
export interface BrokerHarness {
  /** Names the subject in reports. */
  readonly name: string;
  /** A new connection to the same server, not yet connected. Scenarios close what they asked for. */
  create(options?: ConnectionOptions): Broker | Promise<Broker>;
  readonly faults?: BrokerFaults;
  /** From where a child process can make connections to the same server: contention across processes, and kill -9, need it. */
  readonly spawnable?: Spawnable;
  /** `create` honours `clockOffsetMs`. */
  readonly skewable?: boolean;
  /** Names of what is on the server beyond its fixed objects, from all queues. Read before and after. */
  leftovers?(): Promise<readonly string[]>;
  /**
   * After how long a silence connections of `create()` ask whether the server is still there, in ms: a half-open one is noticed within
   * three of these. Default 10,000; give connections a shorter one where the adapter can be told, and the scenario is shorter.
   */
  readonly heartbeatMs?: number;
  /** How many connections clients have open at the server. Read where scenarios look for what grows. */
  connections?(): Promise<number> | number;
  /** A way in that the server turns away, with the secret that must be shown nowhere. */
  readonly locked?: Locked;
  /** For a broker whose dead letters cannot be browsed: ids of those of a queue, as the server's own tools find them. */
  buried?(queue: string): Promise<readonly string[]>;
  /** How long a scenario waits for what must happen where no promise names a time, in ms. Default 10,000. */
  readonly patienceMs?: number;
  /** After the run. */
  close?(): Promise<void>;
}

export interface Spawnable {
  /** URL of a module that exports `createBroker(...args): Broker | Promise<Broker>`. */
  readonly module: string | URL;
  readonly args?: readonly string[];
}

export interface Locked {
  /** A new connection, not yet connected, with a wrong password. */
  create(): Broker | Promise<Broker>;
  /** That password. */
  readonly secret: string;
}

/** Harm to the server or the network; each holds for all connections, and each resolves when it has taken effect. */
export interface BrokerFaults {
  /** Kills the server hard and starts it again with what it had stored. Resolves when it can be reached. */
  restart?(): Promise<void>;
  /** Nothing passes in either direction until {@link Undo}. */
  freeze?(): Promise<Undo>;
  /** Requests arrive, answers are lost, until {@link Undo}. */
  dropReplies?(): Promise<Undo>;
  /** Cuts all connections once; new ones succeed. */
  reset?(): Promise<void>;
  /** Cuts all connections and refuses new ones, as a server that is down, until {@link Undo}. What is stored stays. */
  refuse?(): Promise<Undo>;
  /** Connections that are open go silent for good, and nobody is told; new ones work. {@link Undo} cuts them. */
  halfOpen?(): Promise<Undo>;
  /** The server holds publishers back (a memory or disk alarm) until {@link Undo}. */
  block?(): Promise<Undo>;
  /** The server's power is cut: what it has not forced to disk is gone. It starts again. Resolves when it can be reached. */
  powerCut?(): Promise<void>;
  /** Leaves the server no room for another message until {@link Undo}. */
  fill?(): Promise<Undo>;
  /** For a broker that takes back what is unsettled for too long: on connections made from now on that is about a second, until {@link Undo}. */
  overdue?(): Promise<Undo>;
}

export type Undo = () => Promise<void>;
