/** How a child process of a scenario reaches the same server. */

import type { Broker } from "@lovage/core/contracts";
import { type RabbitMqBrokerOptions, rabbitMqBroker } from "../src/index.ts";

/** Of the options, what a run of the kit is about. */
export type Choices = Pick<RabbitMqBrokerOptions, "queueType" | "bands">;

export function createBroker(url: string, choices: string): Broker {
  return rabbitMqBroker({ url, ...(JSON.parse(choices) as Choices) });
}
