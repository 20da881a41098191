/** How a child process of a scenario reaches the place that `lovage conform --url` names. */

import type { Broker } from "@lovage/core/contracts";
import type { BrokerAdapter } from "./adapter-harness.ts";

export async function createBroker(module: string, place: string, directory: string): Promise<Broker> {
  const adapter = (await import(module)) as BrokerAdapter;
  return adapter.openBroker(new URL(place), { directory, purpose: "worker" });
}
