/** `@lovage/conformance/conform`: from the exports of a module to the kits that apply to it; `lovage conform` is built on it. */

export { type AdapterAddress, type AdapterPlace, adapterHarness, type BrokerAdapter } from "./adapter-harness.ts";
export { type Given, type HarnessModule, type KitRun, type KitRunOptions, kitRuns } from "./harness-module.ts";
