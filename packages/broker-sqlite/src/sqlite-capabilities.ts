import type { BrokerCapabilities } from "@lovage/core/contracts";

const TEN_YEARS_MS = 10 * 365 * 24 * 3_600_000;

/** SQLite is the same wherever the file is; only the size limit is an option. */
export function sqliteCapabilities(maxMessageBytes: number): BrokerCapabilities {
  return {
    ownership: "lease",
    maxUnsettledMs: undefined,
    fenced: true,
    durable: "machine",
    dedupe: "while-present",
    priority: "strict",
    stablePosition: true,
    delayResolutionMs: 1,
    maxDelayMs: TEN_YEARS_MS,
    delayedRemove: true,
    countsDeliveries: true,
    countsStarts: true,
    depth: { ready: true, delayed: true, owned: true, dead: true },
    oldestReadyAge: true,
    purgeKeepsOwned: true,
    pause: true,
    deadLetterBrowse: true,
    brokerClock: true,
    shared: true,
    maxMessageBytes,
  };
}
