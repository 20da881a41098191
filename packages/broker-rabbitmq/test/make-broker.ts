/** How a child process of a scenario reaches the same server. */

import type { Broker } from "@lovage/core/contracts";
import { type RabbitMqBrokerOptions, rabbitMqBroker } from "../src/index.ts";

/** Of the options, what a run of the kit is about. */
export type Choices = Pick<RabbitMqBrokerOptions, "queueType" | "bands" | "heartbeatS">;

/** `urls`: one, or those of a cluster's nodes, with a space between. */
export function createBroker(urls: string, choices: string): Broker {
  return rabbitMqBroker({ url: urls.split(" "), ...(JSON.parse(choices) as Choices) });
}
