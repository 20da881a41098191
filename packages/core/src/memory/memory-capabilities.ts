import type { BrokerCapabilities } from "../contracts/index.ts";

const TEN_YEARS_MS = 10 * 365 * 24 * 3_600_000;

export function memoryCapabilities(maxMessageBytes: number): BrokerCapabilities {
  return {
    ownership: "lease",
    maxUnsettledMs: undefined,
    fenced: true,
    durable: "none",
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
    shared: false,
    maxMessageBytes,
  };
}
