/** `@lovage/conformance`: the promises of the contracts as scenarios. */
export { BrokerContext, type BrokerScenario, type ConsumeRequest, LEASE_MS } from "./broker/context.ts";
export type { BrokerFaults, BrokerHarness, ConnectionOptions, Spawnable, Undo } from "./broker/harness.ts";
export { ack, Inbox } from "./broker/inbox.ts";
export { brokerKit, brokerScenarios } from "./broker/index.ts";
export type { BrokerKit } from "./broker/kit.ts";
export { controlKit, controlScenarios } from "./control/index.ts";
export { type ProxyFaults, type ProxyTarget, type TcpProxy, tcpProxy } from "./proxy.ts";
export {
  ResultContext,
  type ResultScenario,
  type ResultStoreHarness,
  type ResultStoreKit,
  resultScenarios,
  resultStoreKit,
} from "./results/index.ts";
export {
  before,
  type Finding,
  type Report,
  type RunOptions,
  runScenarios,
  type ScenarioReport,
} from "./run-scenarios.ts";
export {
  type Bench,
  inGroup,
  type Kit,
  type NotApplicable,
  type Power,
  type Scenario,
  type Trial,
} from "./scenario.ts";
export { calibrate, type Tolerance } from "./tolerance.ts";
