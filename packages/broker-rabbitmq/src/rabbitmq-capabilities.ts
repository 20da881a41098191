import type { BrokerCapabilities } from "@lovage/core/contracts";
import { UNIT_MS } from "./rabbitmq-ladder.ts";
import type { ServerTraits } from "./rabbitmq-server.ts";
import type { QueueType } from "./rabbitmq-topology.ts";

/** Ten years; the ladder reaches to thirteen. */
export const MAX_DELAY_MS: number = 10 * 365 * 24 * 3_600_000;
/** Each level of the ladder adds a hop. */
const HOPS_MS = 50;

export function rabbitMqCapabilities(
  { priority }: ServerTraits,
  queueType: QueueType,
  maxMessageBytes: number,
): BrokerCapabilities {
  return {
    ownership: "connection",
    fenced: true,
    // Quorum queues confirm what is on the disks of a majority; classic ones need not wait for the disk.
    durable: queueType === "quorum" ? "machine" : "process",
    dedupe: "none",
    priority,
    stablePosition: false,
    delayResolutionMs: UNIT_MS + HOPS_MS,
    maxDelayMs: MAX_DELAY_MS,
    delayedRemove: false,
    countsDeliveries: queueType === "quorum",
    countsStarts: false,
    depth: { ready: true, delayed: false, owned: false, dead: true },
    oldestReadyAge: false,
    purgeKeepsOwned: true,
    pause: true,
    deadLetterBrowse: true,
    brokerClock: false,
    shared: true,
    maxMessageBytes,
  };
}
