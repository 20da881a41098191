import { ConfigurationError } from "@lovage/core/contracts";
import type { BrokerScenario } from "../broker/context.ts";
import type { BrokerHarness } from "../broker/harness.ts";
import { brokerScenarios } from "../broker/index.ts";
import { kitOnBroker } from "../broker/kit.ts";
import { controlKit, controlScenarios } from "../control/index.ts";
import type { PoolHarness } from "../pool/harness.ts";
import type { ResultStoreHarness } from "../results/harness.ts";
import { resultStoreKit } from "../results/index.ts";
import { type Report, runScenarios, type ScenarioReport } from "../run-scenarios.ts";
import type { Kit, Scenario } from "../scenario.ts";

/** A harness, or a function that makes one when its kit is about to run. */
export type Given<Harness> = Harness | (() => Harness | Promise<Harness>);

/** What `lovage conform` looks for among the exports of a module. One is enough. */
export interface HarnessModule {
  /** Runs the broker kit and, unless `controlHarness` is there as well, the control kit. */
  readonly brokerHarness?: Given<BrokerHarness>;
  /** Runs the control kit, where commands and events are to be proven on a harness of their own. */
  readonly controlHarness?: Given<BrokerHarness>;
  readonly resultStoreHarness?: Given<ResultStoreHarness>;
  readonly poolHarness?: Given<PoolHarness>;
  /** A broker's harness, or a pool's: that one has `sizes`. */
  readonly default?: Given<BrokerHarness | PoolHarness>;
}

/** A kit and the harness that it runs on. */
export interface KitRun {
  readonly kit: string;
  readonly scenarios: readonly Pick<Scenario<unknown>, "id" | "group" | "promise">[];
  /** Runs it once; rejects only if the subject cannot be reached at all. */
  run(options?: KitRunOptions): Promise<Report>;
}

export interface KitRunOptions {
  /** Ids of the scenarios to run. Default: all. */
  readonly only?: ReadonlySet<string>;
  /** Called after each. */
  readonly onReport?: (report: ScenarioReport) => void;
}

/** The kits that apply to what a module exports. Rejects with `ConfigurationError` when it exports no harness. */
export async function kitRuns(module: HarnessModule): Promise<readonly KitRun[]> {
  const { brokerHarness, controlHarness, resultStoreHarness, poolHarness } = await named(module);
  const runs: KitRun[] = [];
  if (brokerHarness !== undefined) {
    const alone = controlHarness !== undefined;
    const scenarios: readonly BrokerScenario[] = alone ? brokerScenarios : [...brokerScenarios, ...controlScenarios];
    runs.push(kitRun(kitOnBroker("broker", scenarios), brokerHarness));
  }
  if (controlHarness !== undefined) runs.push(kitRun(controlKit, controlHarness));
  if (resultStoreHarness !== undefined) runs.push(kitRun(resultStoreKit, resultStoreHarness));
  if (poolHarness !== undefined) {
    const { poolKit } = await import("../pool/kit.ts");
    runs.push(kitRun(poolKit, poolHarness));
  }
  if (runs.length > 0) return runs;
  throw new ConfigurationError(
    "the module exports no harness; export one as brokerHarness, controlHarness, resultStoreHarness or poolHarness, or a broker's or a pool's as default",
  );
}

/** The same with the default export under the name that it stands for. */
async function named(module: HarnessModule): Promise<Omit<HarnessModule, "default">> {
  if (module.default === undefined) return module;
  const harness = await made(module.default);
  if (typeof harness !== "object" || harness === null || typeof harness.create !== "function") {
    throw new ConfigurationError("the module's default export is no harness: it has no create()");
  }
  return "sizes" in harness ? { poolHarness: harness, ...module } : { brokerHarness: harness, ...module };
}

async function made<Harness>(given: Given<Harness>): Promise<Harness> {
  return typeof given === "function" ? (given as () => Harness | Promise<Harness>)() : given;
}

function kitRun<Harness, Context, Capabilities>(
  kit: Kit<Harness, Context, Capabilities>,
  given: Given<Harness>,
): KitRun {
  return {
    kit: kit.name,
    scenarios: kit.scenarios,
    run: async ({ only, onReport } = {}) =>
      runScenarios(kit, await made(given), {
        scenarios: kit.scenarios.filter(({ id }) => only?.has(id) ?? true),
        ...(onReport === undefined ? {} : { onReport }),
      }),
  };
}
