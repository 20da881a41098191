/** What differs by the version of the server, as pure choices from what it says of itself. */

import type { BrokerCapabilities } from "@lovage/core/contracts";
import { ConfigurationError } from "@lovage/core/contracts";
import type { QueueType } from "../queues/rabbitmq-topology.ts";

export interface ServerTraits {
  readonly version: string;
  readonly priority: BrokerCapabilities["priority"];
  /** Who says how long a delivery may stay unsettled: the queue, the server's `consumer_timeout` for all queues, or nobody. */
  readonly ackTimeout: "queue" | "server" | "none";
  /** What an operator should know of this version. */
  readonly warning?: string;
}

/** Throws `ConfigurationError` for a server that cannot serve. */
export function serverTraits(properties: { readonly version?: unknown }, queueType: QueueType): ServerTraits {
  const version = String(properties.version ?? "");
  const [major = 0, minor = 0, patch = 0] = version.split(/[.\-+]/).map(Number);
  const since = (wantedMajor: number, wantedMinor: number): boolean =>
    major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
  // Time to live in quorum queues and dead-lettering at least once, which the delay ladder rests on.
  if (!since(3, 10)) {
    throw new ConfigurationError(`RabbitMQ ${version || "of unknown version"} is too old; use 3.10 or later`);
  }
  const cycles = major === 3 && minor === 13 && patch <= 2;
  return {
    version,
    priority: priorityOf(queueType, since),
    ackTimeout: ackTimeoutOf(queueType, since),
    ...(cycles
      ? {
          warning: `RabbitMQ ${version} can take a delayed message for one that goes in circles and drop it; upgrade to 3.13.3 or later`,
        }
      : {}),
  };
}

function priorityOf(
  queueType: QueueType,
  since: (major: number, minor: number) => boolean,
): BrokerCapabilities["priority"] {
  if (queueType === "classic") return "strict";
  // A queue serves what came back to it before it looks at priorities.
  if (since(4, 3)) return "returned-first";
  // Two levels, of which the higher is served twice for each of the lower.
  return since(4, 0) ? "banded" : "none";
}

function ackTimeoutOf(
  queueType: QueueType,
  since: (major: number, minor: number) => boolean,
): ServerTraits["ackTimeout"] {
  if (queueType === "quorum") return since(3, 12) ? "queue" : "server";
  // From 4.3 on the queue itself looks after it, which classic ones do not.
  return since(4, 3) ? "none" : "server";
}
