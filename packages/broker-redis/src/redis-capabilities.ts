import type { BrokerCapabilities } from "@lovage/core/contracts";
import type { ServerFacts } from "./redis-server.ts";

/** Due times become places, which have room for twenty-five years from 2026. */
const MAX_DELAY_MS = 10 * 365 * 24 * 3_600_000;

export function redisCapabilities(facts: ServerFacts, maxMessageBytes: number): BrokerCapabilities {
  return {
    ownership: "lease",
    maxUnsettledMs: undefined,
    fenced: true,
    durable: durability(facts),
    dedupe: "while-present",
    priority: "strict",
    stablePosition: true,
    delayResolutionMs: 1,
    maxDelayMs: MAX_DELAY_MS,
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

/** What is written before the answer survives the process; what is synced before it, the machine. Where the setting is hidden, the weaker one. */
function durability({ appendOnly, appendFsync }: ServerFacts): BrokerCapabilities["durable"] {
  if (!appendOnly) return "none";
  return appendFsync === "always" ? "machine" : "process";
}
