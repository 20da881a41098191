/** Runs in the workbench's folder: the broker kit on its memory broker, up to the first broken promise, whose id it prints. */

import { brokerKit, runScenarios } from "@lovage/conformance";
import { memoryHarness } from "@lovage/conformance/saboteurs";

const [only] = process.argv.slice(2);
const LONGEST_MS = 15_000;
const wanted = brokerKit.scenarios.filter(({ id }) => only === undefined || id === only);
if (wanted.length === 0) throw new Error(`there is no scenario ${only}`);

let broken;
for (const scenario of wanted) {
  const scenarios = [{ ...scenario, timeoutMs: Math.min(scenario.timeoutMs ?? LONGEST_MS, LONGEST_MS) }];
  const report = await runScenarios(brokerKit, memoryHarness({ patienceMs: 1_500 }), { scenarios });
  if (report.scenarios[0]?.status !== "broken") continue;
  broken = scenario.id;
  break;
}
console.log(JSON.stringify({ broken }));
process.exit();
