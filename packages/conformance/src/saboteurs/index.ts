/** `@lovage/conformance/saboteurs`: subjects broken on purpose, each of which names the scenarios that must catch it. */
import { administration } from "./administration.ts";
import { answering } from "./answering.ts";
import { away } from "./away.ts";
import { claimingFalsely } from "./claiming.ts";
import { consuming } from "./consuming.ts";
import { controlling } from "./controlling.ts";
import { ending } from "./ending.ts";
import { growing } from "./growing.ts";
import { misreporting } from "./misreporting.ts";
import { publishing } from "./publishing.ts";
import { recording } from "./recording.ts";
import { replying } from "./replying.ts";
import { running } from "./running.ts";
import type { BrokerSaboteur, PoolSaboteur, ResultSaboteur } from "./saboteur.ts";
import { settling } from "./settling.ts";
import { surviving } from "./surviving.ts";

export { type MemoryHarnessOptions, memoryHarness } from "./memory-harness.ts";
export type { BrokerSaboteur, PoolSaboteur, ResultSaboteur, Saboteur } from "./saboteur.ts";

export const brokerSaboteurs: readonly BrokerSaboteur[] = [
  ...publishing,
  ...settling,
  ...consuming,
  ...administration,
  ...surviving,
  ...away,
  ...claimingFalsely,
  ...answering,
  ...misreporting,
];

export const resultSaboteurs: readonly ResultSaboteur[] = [...recording, ...replying];

export const controlSaboteurs: readonly BrokerSaboteur[] = controlling;

export const poolSaboteurs: readonly PoolSaboteur[] = [...running, ...ending, ...growing];
