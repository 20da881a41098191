import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Report } from "@lovage/conformance";
import type { BrokerAdapter, HarnessModule, KitRun } from "@lovage/conformance/conform";
import { AppLoadError, ConfigurationError, errorData } from "@lovage/core/contracts";
import { loadPackage } from "../adapters/load-package.ts";
import { parseAdapterUrl } from "../adapters/scheme.ts";
import { findAppFile } from "../app-file.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { printJson } from "../output/print.ts";
import type { ListFlags } from "./common-options.ts";
import { printLeftovers, printScenario, printSubject, printSummary } from "./conform-table.ts";

export interface ConformFlags extends ListFlags {
  /** Ids of scenarios, or groups. */
  readonly only?: readonly string[];
  readonly url?: string;
}

type Kit = typeof import("@lovage/conformance/conform");

const KIT = "@lovage/conformance/conform";
const MISSING =
  "conform needs the package @lovage/conformance, which brings the scenarios; install it: npm install -D @lovage/conformance";

/** Runs the kits on what a module exports. Exit code 1 when a promise is broken, or something was left behind. */
export async function conform(given: string, flags: ConformFlags): Promise<ExitCode> {
  const file = findAppFile(given);
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
