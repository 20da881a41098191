import type { ResultStoreCapabilities } from "@lovage/core/contracts";
import type { Kit } from "../scenario.ts";
import { calibrate } from "../tolerance.ts";
import { ResultContext } from "./context.ts";
import type { ResultStoreHarness } from "./harness.ts";
import { resultScenarios } from "./scenarios.ts";

export { ResultContext, type ResultScenario } from "./context.ts";
export type { ResultStoreHarness } from "./harness.ts";
export { resultScenarios } from "./scenarios.ts";

export type ResultStoreKit = Kit<ResultStoreHarness, ResultContext, ResultStoreCapabilities>;

export const resultStoreKit: ResultStoreKit = {
  name: "result store",
  scenarios: resultScenarios,
  async open(harness) {
    const tolerance = await calibrate(harness.patienceMs);
    const store = await harness.create();
    const { capabilities } = store;
    await store.connect();
    await store.close();
    return {
      subject: harness.name,
      capabilities,
      powers: new Set(),
      begin() {
        const context = new ResultContext(harness, capabilities, tolerance);
        return { context, end: (passed) => context.end(passed) };
      },
      async close() {
        await harness.close?.();
        return [];
      },
    };
  },
};
