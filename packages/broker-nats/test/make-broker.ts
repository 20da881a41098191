/** What contenders of the kit make in processes of their own: the argument is its options, as JSON. */

import type { Broker } from "@lovage/core/contracts";
import { type NatsBrokerOptions, natsBroker } from "../src/index.ts";

export function createBroker(options: string): Broker {
  return natsBroker(JSON.parse(options) as NatsBrokerOptions);
}
