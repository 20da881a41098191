/** How a run of a conformance kit looks on a terminal: a line per promise, written as soon as it is known. */

import type { Report, ScenarioReport } from "@lovage/conformance";
import { formatMs, plural } from "../output/format.ts";
import { paint } from "../output/paint.ts";
import { printLine } from "../output/print.ts";

type Status = ScenarioReport["status"];
type NotApplicable = Extract<ScenarioReport, { status: "not-applicable" }>;

const MARKS: Readonly<Record<Status, readonly [text: string, colour: Parameters<typeof paint>[0]]>> = {
  proven: ["proven", "green"],
  broken: ["broken", "red"],
  "not-applicable": ["–", "dim"],
};
const WIDTH = 8;

export function printSubject(kit: string): void {
  printLine(paint("bold", `The promises of a ${kit}`));
}

export function printScenario(report: ScenarioReport, firstOfItsGroup: boolean): void {
  if (firstOfItsGroup) printLine(`\n${paint("bold", report.group)}`);
  const [text, colour] = MARKS[report.status];
  const mark = paint(colour, text.padEnd(WIDTH));
  if (report.status === "not-applicable") {
    printLine(`  ${mark}${paint("dim", `${report.id}: ${reason(report)}`)}`);
    return;
  }
  printLine(`  ${mark}${report.id}: ${report.promise} ${paint("dim", formatMs(report.durationMs))}`);
  if (report.status === "broken") {
    const { name, message, stack } = report.error;
    const where = stack?.split("\n").find((line) => /^\s+at /.test(line)) ?? "";
    const lines = [...`${name}: ${message}`.split("\n"), where.trim()].filter((line) => line !== "");
    for (const line of lines) printLine(" ".repeat(WIDTH + 2) + line);
  }
}

function reason(report: NotApplicable): string {
  return report.because === "capability" ? "its capabilities answer otherwise" : `the harness has no ${report.lacks}`;
}

export function printLeftovers({ leftovers, scenarios }: Report): void {
  if (leftovers.length === 0) return;
  const kept = scenarios.some(({ status }) => status === "broken");
  printLine(`\n${paint("bold", "left behind")}${kept ? ": queues of broken scenarios are kept to be looked at" : ""}`);
  for (const leftover of leftovers) printLine(`  ${leftover}`);
}

export function printSummary({ subject, scenarios }: Report): void {
  const count = (status: Status): number => scenarios.filter((scenario) => scenario.status === status).length;
  const others = scenarios.filter((scenario): scenario is NotApplicable => scenario.status === "not-applicable");
  const lacks = new Set(others.flatMap((scenario) => (scenario.because === "harness" ? [scenario.lacks] : [])));
  const broken = count("broken");
  const parts = [
    `${plural(count("proven"), "promise")} proven`,
    broken === 0 ? "none broken" : paint("red", `${broken} broken`),
    others.length === 0 ? "all apply" : `${others.length} not applicable`,
  ];
  const missing = lacks.size === 0 ? "" : ` (the harness has no ${[...lacks].join(", ")})`;
  printLine(`\n${paint("bold", subject)}: ${parts.join(", ")}${missing}\n`);
}
