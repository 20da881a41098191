import type { BrokerCapabilities } from "@lovage/core/contracts";

/** How often a consumer looks. New messages are noticed sooner, where the system tells of changes; what falls due is not. */
export const POLL_MS = 100;

/** What a folder can promise, and what it cannot. */
export const SPOOL_CAPABILITIES: BrokerCapabilities = {
  ownership: "lease",
  maxUnsettledMs: undefined,
  // A stale holder's rename finds no file.
  fenced: true,
  // Files are not synced to the disk one by one: a message survives any process, but not a power cut.
  durable: "process",
  // Nothing finds a message by its id but a look at every file.
  dedupe: "none",
  // Files are taken in the order of their names, which is the order of their coming.
  priority: "none",
  // A released file gets its old name, but who listed the folder a moment ago takes its neighbours first.
  stablePosition: false,
  delayResolutionMs: POLL_MS,
  maxDelayMs: 10 * 365 * 24 * 3_600_000,
  delayedRemove: true,
  countsDeliveries: true,
  countsStarts: true,
  depth: { ready: true, delayed: true, owned: true, dead: true },
  // A released message is ready since now, but its name has kept the older instant.
  oldestReadyAge: false,
  purgeKeepsOwned: true,
  pause: true,
  deadLetterBrowse: true,
  // Whoever shares the folder over a network has a clock of their own.
  brokerClock: false,
  shared: true,
  maxMessageBytes: 16 * 1024 * 1024,
};
