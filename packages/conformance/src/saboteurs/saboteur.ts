import type { Broker } from "@lovage/core/contracts";
import type { SleepyBroker } from "@lovage/core/testing";
import type { BrokerHarness } from "../broker/harness.ts";
import type { PoolHarness } from "../pool/harness.ts";
import type { ResultStoreHarness } from "../results/harness.ts";
import { memoryHarness } from "./memory-harness.ts";

/** A subject that is broken on purpose in one way. A kit that does not catch it proves nothing about that promise. */
export interface Saboteur<Harness> {
  /** Says what it does wrong. */
  readonly name: string;
  /** Ids of the scenarios that must find it broken. */
  readonly caughtBy: readonly string[];
  harness(): Harness;
}

export type BrokerSaboteur = Saboteur<BrokerHarness>;
export type ResultSaboteur = Saboteur<ResultStoreHarness>;
export type PoolSaboteur = Saboteur<PoolHarness>;

/** What never comes is not waited for as long as in an honest run. */
export const SHORT_PATIENCE_MS = 1_200;

export function brokerSaboteur(
  name: string,
  caughtBy: readonly string[],
  tamper: (broker: SleepyBroker) => Broker,
): BrokerSaboteur {
  return { name, caughtBy, harness: () => ({ ...memoryHarness({ tamper, patienceMs: SHORT_PATIENCE_MS }), name }) };
}
