/** `@lovage/conformance/vitest`: each scenario as a test. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errorData } from "@lovage/core/contracts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BrokerHarness } from "./broker/harness.ts";
import { brokerKit } from "./broker/index.ts";
import { controlKit } from "./control/index.ts";
import type { ResultStoreHarness } from "./results/harness.ts";
import { resultStoreKit } from "./results/index.ts";
import { prove, type ScenarioReport } from "./run-scenarios.ts";
import { type Bench, type Kit, notApplicable } from "./scenario.ts";

export function describeBroker(harness: BrokerHarness): void {
  describeKit(brokerKit, harness);
}

export function describeControlChannel(harness: BrokerHarness): void {
  describeKit(controlKit, harness);
}

export function describeResultStore(harness: ResultStoreHarness): void {
  describeKit(resultStoreKit, harness);
}

const SCENARIO_MARGIN_MS = 35_000;

/**
 * A test per scenario, and one for what the run left behind. With `LOVAGE_CONFORMANCE_DIR` set, the report is written there as
 * `<kit>-<subject>.json`.
 */
export function describeKit<Harness extends { readonly name: string }, Context, Capabilities>(
  kit: Kit<Harness, Context, Capabilities>,
  harness: Harness,
): void {
  describe(`${harness.name} keeps the promises of a ${kit.name}`, () => {
    let bench: Bench<Context, Capabilities>;
    const reports: ScenarioReport[] = [];
    let leftovers: readonly string[] | undefined;
    let closed = false;

    beforeAll(async () => {
      bench = await kit.open(harness);
    }, 60_000);

    // Tests that run at the same time must stand next to each other.
    const waiting = kit.scenarios.filter(({ together }) => together === true);
    for (const scenario of [...waiting, ...kit.scenarios.filter((each) => !waiting.includes(each))]) {
      const { id, group, invariants, promise } = scenario;
      const timeoutMs = (scenario.timeoutMs ?? 30_000) + SCENARIO_MARGIN_MS;
      const title = `${id}: ${promise}${invariants.length === 0 ? "" : ` [${invariants.join(", ")}]`}`;
      test(title, { timeout: timeoutMs, concurrent: scenario.together === true }, async ({ skip }) => {
        const about = { id, group, invariants, promise };
        const refusal = notApplicable(scenario, bench);
        if (refusal !== undefined) {
          reports.push({ ...about, durationMs: 0, status: "not-applicable", ...refusal });
          skip(refusal.because === "capability" ? "its capabilities answer otherwise" : `no power: ${refusal.lacks}`);
        }
        const startedAt = performance.now();
        const durationMs = (): number => Math.round(performance.now() - startedAt);
        try {
          await prove(scenario, bench);
          reports.push({ ...about, durationMs: durationMs(), status: "proven" });
        } catch (error) {
          reports.push({ ...about, durationMs: durationMs(), status: "broken", error: errorData(error) });
          throw error;
        }
      });
    }

    test("the whole run leaves nothing behind", { timeout: 60_000 }, async () => {
      closed = true;
      leftovers = await bench.close();
      const kept = reports.some((report) => report.status === "broken");
      if (!kept) expect(leftovers).toEqual([]);
    });

    afterAll(async () => {
      // A run of some scenarios by name has left out the test that closes.
      if (!closed) await bench.close();
      const folder = process.env.LOVAGE_CONFORMANCE_DIR;
      if (folder === undefined || folder === "") return;
      const report = {
        kit: kit.name,
        subject: harness.name,
        capabilities: bench.capabilities,
        scenarios: reports,
        leftovers,
      };
      const file = `${kit.name}-${harness.name}.json`.replaceAll(/[^A-Za-z0-9.-]+/g, "-");
      await writeFile(join(folder, file), `${JSON.stringify(report, undefined, 2)}\n`);
    }, 60_000);
  });
}
