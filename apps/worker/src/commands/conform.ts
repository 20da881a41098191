/**
 * The kit is loaded when the command runs, and only then. Its types stay within this file: nobody who has the command has the kit as well
 * unless they asked for it.
 */

import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Report, ScenarioReport } from "@lovage/conformance";
import type { BrokerAdapter, HarnessModule, KitRun } from "@lovage/conformance/conform";
import { AppLoadError, ConfigurationError, errorData } from "@lovage/core/contracts";
import { findPackage, loadPackage } from "../adapters/load-package.ts";
import { parseAdapterUrl } from "../adapters/scheme.ts";
import { findAppFile, isFile } from "../app-file.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { formatMs, plural } from "../output/format.ts";
import { paint } from "../output/paint.ts";
import { printJson, printLine } from "../output/print.ts";
import type { ListFlags } from "./common-options.ts";

export interface ConformFlags extends ListFlags {
  /** Ids of scenarios, or groups. */
  readonly only?: readonly string[];
  readonly url?: string;
}

type Kit = typeof import("@lovage/conformance/conform");

const KIT = "@lovage/conformance/conform";
const MISSING =
  "conform needs the package @lovage/conformance, which brings the scenarios; install it: npm install -D @lovage/conformance";

type Status = ScenarioReport["status"];
type NotApplicable = Extract<ScenarioReport, { status: "not-applicable" }>;

const MARKS: Readonly<Record<Status, readonly [text: string, colour: Parameters<typeof paint>[0]]>> = {
  proven: ["proven", "green"],
  broken: ["broken", "red"],
  "not-applicable": ["–", "dim"],
};
const WIDTH = 8;

/** Runs the kits on what a module exports. Exit code 1 when a promise is broken, or something was left behind. */
export async function conform(given: string, flags: ConformFlags): Promise<ExitCode> {
  const file = findSubject(given);
  const kit = (await loadPackage(KIT, [path.dirname(file), process.cwd(), import.meta.dirname], MISSING)) as Kit;
  const module = await importModule(file);
  const runs = await kit.kitRuns(flags.url === undefined ? harnessesOf(module) : byUrl(kit, module, file, flags.url));
  const only = flags.only === undefined ? undefined : chosen(runs, flags.only);
  const reports: Report[] = [];
  for (const run of runs) {
    if (only !== undefined && !run.scenarios.some(({ id }) => only.has(id))) continue;
    reports.push(await runKit(run, only, flags.json === true));
  }
  if (flags.json === true) printJson(reports);
  return reports.every(isKept) ? EXIT.ok : EXIT.no;
}

const PACKAGE_NAME = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;

/** The file that was given, or the entry of the package of that name as installed here; a file goes first. */
function findSubject(given: string): string {
  const file = findAppFile(given);
  if (isFile(file) || !PACKAGE_NAME.test(given)) return file;
  const entry = findPackage(given, [process.cwd(), import.meta.dirname]);
  if (entry !== undefined) return fileURLToPath(entry);
  throw new AppLoadError(
    `there is no file "${given}" here, and no package of that name is installed; give a file's path, or: npm install ${given}`,
    { subject: { file }, code: "APP_NOT_FOUND" },
  );
}

function isKept({ scenarios, leftovers }: Report): boolean {
  return leftovers.length === 0 && scenarios.every(({ status }) => status !== "broken");
}

async function runKit(run: KitRun, only: ReadonlySet<string> | undefined, quiet: boolean): Promise<Report> {
  if (quiet) return run.run(only === undefined ? {} : { only });
  printSubject(run.kit);
  let group: string | undefined;
  const report = await run.run({
    ...(only === undefined ? {} : { only }),
    onReport(scenario) {
      printScenario(scenario, scenario.group !== group);
      group = scenario.group;
    },
  });
  printLeftovers(report);
  printSummary(report);
  return report;
}

async function importModule(file: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (cause) {
    const { name, message } = errorData(cause);
    throw new AppLoadError(`${path.relative(process.cwd(), file)} could not be imported: ${name}: ${message}`, {
      subject: { file },
      cause,
    });
  }
}

function harnessesOf(module: Record<string, unknown>): HarnessModule {
  const isAdapter = typeof module.openBroker === "function";
  if (isAdapter && !Object.keys(module).some((name) => name === "default" || name.endsWith("Harness"))) {
    throw new ConfigurationError("the module is an adapter without a harness; say where it can be tried: --url <url>");
  }
  return module;
}

function byUrl(kit: Kit, module: Record<string, unknown>, file: string, url: string): HarnessModule {
  const place = parseAdapterUrl(url, "--url");
  if (typeof module.openBroker !== "function") {
    throw new ConfigurationError(
      "--url is for a module that exports openBroker(url, options), which this one does not; a harness is run without",
    );
  }
  const adapter = module as unknown as BrokerAdapter;
  return kit.adapterHarness(adapter, { module: pathToFileURL(file).href, place, directory: process.cwd() });
}

/** Ids of the scenarios that were asked for, each by its id or its group. */
function chosen(runs: readonly KitRun[], only: readonly string[]): ReadonlySet<string> {
  const all = runs.flatMap(({ scenarios }) => scenarios);
  const ids = only.flatMap((asked) => {
    const found = all.filter(({ id, group }) => id === asked || group === asked).map(({ id }) => id);
    if (found.length > 0) return found;
    const groups = [...new Set(all.map(({ group }) => group))].join(", ");
    throw new ConfigurationError(`--only: no scenario or group "${asked}"; groups are ${groups}`);
  });
  return new Set(ids);
}

function printSubject(kit: string): void {
  printLine(paint("bold", `The promises of a ${kit}`));
}

function printScenario(report: ScenarioReport, firstOfItsGroup: boolean): void {
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

function printLeftovers({ leftovers, scenarios }: Report): void {
  if (leftovers.length === 0) return;
  const kept = scenarios.some(({ status }) => status === "broken");
  printLine(`\n${paint("bold", "left behind")}${kept ? ": queues of broken scenarios are kept to be looked at" : ""}`);
  for (const leftover of leftovers) printLine(`  ${leftover}`);
}

function printSummary({ subject, scenarios }: Report): void {
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
