/**
 * What a broker can do, as values. Each has a meaning, a consequence in core, and a conformance scenario for every answer. They are
 * computed from the server that was reached, not from the package, and do not change once `connect()` has resolved.
 */
export interface BrokerCapabilities {
  /** `lease`: a delivery is ours for a time and must be renewed. `connection`: until the connection ends. Core renews only leases. */
  readonly ownership: "lease" | "connection";
  /**
   * How long a delivery may stay unsettled, in ms, before the broker takes it back although its holder lives and renews; at the earliest
   * then. `undefined`: as long as it is owned. The worker warns at start of tasks that may run for longer (`maxUnsettledMs`); what is
   * taken back while it runs is adopted when it comes again to the same worker, and runs twice when it comes to another.
   */
  readonly maxUnsettledMs: number | undefined;
  /** A settlement by a stale holder changes nothing. Where false, core suppresses settlements past their deadline (with a margin). */
  readonly fenced: boolean;
  /**
   * What an accepted message survives. `none`: nothing beyond this process. `process`: the death of any process, the server's
   * included. `machine`: a power cut as well. The worker's banner and `doctor` print it.
   */
  readonly durable: "none" | "process" | "machine";
  /** Whether a second publish with the same id is recognised: while the message is present, within a window of time, or not at all. */
  readonly dedupe: "while-present" | "window" | "none";
  /**
   * `strict`: a ready message of higher priority always goes first. `returned-first`: so it does, but that what was given back goes before
   * all others, whatever its priority. `banded`: on average, and the lowest get on. `none`: priority is ignored. A hint: never refused.
   */
  readonly priority: "strict" | "returned-first" | "banded" | "none";
  /** A released message keeps its place. Where false it may come later than its neighbours. */
  readonly stablePosition: boolean;
  /** How late a delayed message may be beyond the usual latency, in ms. Never early. */
  readonly delayResolutionMs: number;
  /** The longest delay accepted, in ms. Core refuses more at the call. */
  readonly maxDelayMs: number;
  /** Revoking a delayed message frees its storage at once. Where false it is dropped when due. */
  readonly delayedRemove: boolean;
  /** `deliveryCount` is given on every delivery. */
  readonly countsDeliveries: boolean;
  /** `markStarted` is recorded and survives the worker. Where false core bounds deliveries (generously) instead of starts. */
  readonly countsStarts: boolean;
  /** Which numbers `depth` can give. The others are `undefined`, never 0. */
  readonly depth: {
    readonly ready: boolean;
    readonly delayed: boolean;
    readonly owned: boolean;
    readonly dead: boolean;
  };
  /** `oldestReadyAge` works. */
  readonly oldestReadyAge: boolean;
  /** Purging leaves owned messages alone. Where false they are removed too and settling them says `lost`. */
  readonly purgeKeepsOwned: boolean;
  /** Pausing is known to the broker: all workers stop, and it survives a restart. Where false `pause` rejects with CapabilityMissingError. */
  readonly pause: boolean;
  /** Dead letters can be listed, redriven and dropped one by one. */
  readonly deadLetterBrowse: boolean;
  /** Due times and leases follow the broker's clock, so a worker's or producer's wrong clock harms nothing. */
  readonly brokerClock: boolean;
  /** Other processes can reach the same queues. Where false core refuses to be told of producers elsewhere. */
  readonly shared: boolean;
  /** The largest body accepted, in bytes. Core refuses more at the call. */
  readonly maxMessageBytes: number;
}
