/** `@lovage/conformance/pool`: the promises of the Pool contract as scenarios. */

export { type PoolScenario, PoolTrial, type StartOptions } from "./context.ts";
export type { PoolFacts, PoolHarness, PoolSettings } from "./harness.ts";
export { poolKit } from "./kit.ts";
