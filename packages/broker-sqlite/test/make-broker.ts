/** How a child process of a scenario reaches the same file. */

import type { Broker } from "@lovage/core/contracts";
import { sqliteBroker } from "../src/index.ts";

export function createBroker(path: string): Broker {
  return sqliteBroker(path);
}
