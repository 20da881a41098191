import type { BrokerCapabilities } from "@lovage/core/contracts";
import { HEADER_ROOM } from "./publishing/nats-envelope.ts";

const TEN_YEARS_MS = 10 * 365 * 24 * 3_600_000;

export interface Reached {
  /** What the server accepts as one message, headers included. */
  readonly maxPayload: number;
  readonly bands: number;
}

/** The same for all versions: what is newer changes how it is done, not what is promised. */
export function natsCapabilities({ maxPayload, bands }: Reached): BrokerCapabilities {
  return {
    ownership: "lease",
    maxUnsettledMs: undefined,
    fenced: false,
    // Written before it is acknowledged, and synced to the disk minutes later unless `sync_interval` says otherwise, which nobody but its
    // operator can see.
    durable: "process",
    dedupe: "window",
    priority: bands > 1 ? "banded" : "none",
    stablePosition: false,
    delayResolutionMs: 1_000,
    maxDelayMs: TEN_YEARS_MS,
    delayedRemove: true,
    countsDeliveries: true,
    countsStarts: false,
    depth: { ready: true, delayed: true, owned: true, dead: true },
    oldestReadyAge: true,
    purgeKeepsOwned: false,
    pause: true,
    deadLetterBrowse: true,
    brokerClock: false,
    shared: true,
    maxMessageBytes: Math.max(1, maxPayload - HEADER_ROOM),
  };
}
