/** How another process reaches the same spool: the kit starts some, and kills them. */

import type { Broker } from "@lovage/core/contracts";
import { spoolBroker } from "../src/index.ts";

export function createBroker(folder: string): Broker {
  return spoolBroker({ folder });
}
