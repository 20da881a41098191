/** How a child process of a scenario reaches the same server. */

import type { Broker } from "@lovage/core/contracts";
import { type QueueType, rabbitMqBroker } from "../src/index.ts";

export function createBroker(url: string, queueType: QueueType): Broker {
  return rabbitMqBroker({ url, queueType });
}
