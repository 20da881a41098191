/** How a child process of a scenario reaches the same server. */

import type { Broker } from "@lovage/core/contracts";
import { redisBroker } from "../src/index.ts";

export function createBroker(url: string): Broker {
  return redisBroker(url);
}
