import { type BrokerKit, kitOnBroker } from "../broker/kit.ts";
import { controlScenarios } from "./scenarios.ts";

export { controlScenarios } from "./scenarios.ts";

/** Runs on a broker's harness: the channel is the one that the broker offers. */
export const controlKit: BrokerKit = kitOnBroker("control channel", controlScenarios);
