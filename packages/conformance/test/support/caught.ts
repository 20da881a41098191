import { describe, expect, test } from "vitest";
import { type Kit, runScenarios } from "../../src/index.ts";
import type { Saboteur } from "../../src/saboteurs/index.ts";

/** What never comes is not waited for as long as in an honest run. */
const LONGEST_MS = 12_000;

/** They look at the whole process, in which nobody else may open or leave anything meanwhile. */
const PROCESS_WIDE = new Set([
  "lifecycle/leaves-nothing-running",
  "connection-loss/consuming-resumes",
  "server-away/start-can-be-called-off",
  "server-away/close-does-not-wait",
  "restart/consuming-resumes",
  "secrets/wrong-credentials-end-the-start",
  "secrets/an-outage-shows-none",
  "close/leaves-nothing-running",
]);

export function everySaboteurIsCaught<Harness, Context, Capabilities>(
  kit: Kit<Harness, Context, Capabilities>,
  saboteurs: readonly Saboteur<Harness>[],
): void {
  describe(`the ${kit.name} kit catches a subject that`, () => {
    const isAlone = ({ caughtBy }: Saboteur<Harness>): boolean => caughtBy.some((id) => PROCESS_WIDE.has(id));
    // Most of their time is waiting for what never comes. Those that run at the same time must stand next to each other.
    for (const saboteur of saboteurs.toSorted((a, b) => Number(isAlone(a)) - Number(isAlone(b)))) {
      test(saboteur.name, { timeout: 120_000, concurrent: !isAlone(saboteur) }, async ({ expect }) => {
        const scenarios = kit.scenarios
          .filter(({ id }) => saboteur.caughtBy.includes(id))
          .map((scenario) => ({ ...scenario, timeoutMs: Math.min(scenario.timeoutMs ?? LONGEST_MS, LONGEST_MS) }));
        expect(scenarios.map(({ id }) => id).sort(), "every scenario it names exists").toEqual(
          [...saboteur.caughtBy].sort(),
        );
        const report = await runScenarios(kit, saboteur.harness(), { scenarios });
        expect(report.scenarios.map(({ id, status }) => [id, status])).toEqual(
          scenarios.map(({ id }) => [id, "broken"]),
        );
        // Found broken because a promise was broken, not because the saboteur itself does not work.
        for (const scenario of report.scenarios) {
          if (scenario.status === "broken")
            expect(scenario.error.name).not.toMatch(/^(Type|Reference|Range|Syntax)Error$/);
        }
      });
    }

    test("has a saboteur for every group of its promises", () => {
      const groups = new Set(kit.scenarios.map(({ group }) => group));
      const caught = new Set(saboteurs.flatMap(({ caughtBy }) => caughtBy.map((id) => id.split("/")[0])));
      expect([...groups].filter((group) => !caught.has(group))).toEqual([]);
    });
  });
}
