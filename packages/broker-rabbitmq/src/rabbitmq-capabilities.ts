import type { BrokerCapabilities } from "@lovage/core/contracts";
import type { ServerTraits } from "./connection/rabbitmq-server.ts";
import { UNIT_MS } from "./publishing/rabbitmq-ladder.ts";
import type { QueueType } from "./queues/rabbitmq-topology.ts";

/** Ten years; the ladder reaches to thirteen. */
export const MAX_DELAY_MS: number = 10 * 365 * 24 * 3_600_000;
/** What queues are declared with unless the user says otherwise. */
export const DEFAULT_ACK_TIMEOUT_MS: number = 24 * 3_600_000;
const SERVERS_DEFAULT_MS = 30 * 60_000;

/**
 * How long a delivery may stay unsettled: what the queue is declared with, where that counts. AMQP does not tell the server's
 * `consumer_timeout`: it is what the user says, else RabbitMQ's default.
 */
export function maxUnsettledMs({ ackTimeout }: ServerTraits, given: number | undefined): number | undefined {
  if (ackTimeout === "none") return undefined;
  return given ?? (ackTimeout === "queue" ? DEFAULT_ACK_TIMEOUT_MS : SERVERS_DEFAULT_MS);
}

/** What the user has chosen of what the capabilities depend on. */
export interface Usage {
  readonly queueType: QueueType;
  readonly bands: number;
  /** As the user gave it. */
  readonly ackTimeoutMs: number | undefined;
}

/** Each level of the ladder adds a hop. */
const HOPS_MS = 50;

export interface CapabilityFacts extends Usage {
  readonly maxMessageBytes: number;
  /** The management API answers. */
  readonly management: boolean;
}

export function rabbitMqCapabilities(
  traits: ServerTraits,
  { queueType, bands, ackTimeoutMs, maxMessageBytes, management }: CapabilityFacts,
): BrokerCapabilities {
  return {
    ownership: "connection",
    maxUnsettledMs: maxUnsettledMs(traits, ackTimeoutMs),
    fenced: true,
    // Quorum queues confirm what is on the disks of a majority; classic ones need not wait for the disk.
    durable: queueType === "quorum" ? "machine" : "process",
    dedupe: "none",
    priority: bands > 1 ? "banded" : traits.priority,
    stablePosition: false,
    delayResolutionMs: UNIT_MS + HOPS_MS,
    maxDelayMs: MAX_DELAY_MS,
    delayedRemove: false,
    countsDeliveries: queueType === "quorum",
    countsStarts: false,
    depth: { ready: true, delayed: false, owned: management, dead: true },
    oldestReadyAge: false,
    purgeKeepsOwned: true,
    pause: true,
    deadLetterBrowse: true,
    brokerClock: false,
    shared: true,
    maxMessageBytes,
  };
}
