/** What the kits found, without what changes from run to run, as it is kept beside the page. */

import { brokerKit, controlKit, type Report, resultStoreKit, type ScenarioReport } from "@lovage/conformance";
import { poolKit } from "@lovage/conformance/pool";

/** The kits, in the order of the page. */
export const KITS: readonly KitFacts[] = [brokerKit, controlKit, resultStoreKit, poolKit];

export interface KitFacts {
  readonly name: string;
  readonly scenarios: readonly { readonly id: string; readonly group: string; readonly promise: string }[];
}

/** `proven`; `otherwise`: its capabilities answer otherwise; `no restart`: the harness has no such power. */
export type Finding = "proven" | "otherwise" | `no ${string}`;

export interface Entry {
  readonly kit: string;
  readonly subject: string;
  readonly capabilities?: Readonly<Record<string, unknown>>;
  /** By id of the scenario, in the kit's order. */
  readonly findings: Readonly<Record<string, Finding>>;
}

/** Throws for a report of which no page can be made: a broken promise, a scenario that did not run, something left behind. */
export function entryOf(report: Report): Entry {
  const { kit, subject, scenarios, leftovers } = report;
  const capabilities = report.capabilities as Entry["capabilities"];
  const facts = KITS.find(({ name }) => name === kit);
  if (facts === undefined) throw new Error(`there is no kit "${kit}"`);
  if (leftovers.length > 0) throw new Error(`${subject} left behind: ${leftovers.join(", ")}`);
  const findings = facts.scenarios.map(({ id }) => {
    const found = scenarios.find((scenario) => scenario.id === id);
    if (found === undefined) throw new Error(`${subject}: ${id} did not run`);
    return [id, findingOf(found)] as const;
  });
  return {
    kit,
    subject,
    ...(capabilities === undefined ? {} : { capabilities }),
    findings: Object.fromEntries(findings),
  };
}

function findingOf(report: ScenarioReport): Finding {
  if (report.status === "broken") throw new Error(`${report.id} is broken: ${report.error.message}`);
  if (report.status === "proven") return "proven";
  return report.because === "capability" ? "otherwise" : `no ${report.lacks}`;
}
