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
  /** Leaves the server no room for another message until {@link Undo}. */
  fill?(): Promise<Undo>;
}

export type Undo = () => Promise<void>;
