import { type ErrorData, errorData } from "@lovage/core/contracts";
import { type Bench, type Kit, type NotApplicable, notApplicable, type Scenario } from "./scenario.ts";

export type Finding =
  | { readonly status: "proven" }
  | { readonly status: "broken"; readonly error: ErrorData }
  | ({ readonly status: "not-applicable" } & NotApplicable);

export type ScenarioReport = Finding & {
  readonly id: string;
  readonly group: string;
  readonly invariants: readonly string[];
  readonly promise: string;
  readonly durationMs: number;
};

export interface Report {
  readonly kit: string;
  readonly subject: string;
  readonly capabilities: unknown;
  readonly scenarios: readonly ScenarioReport[];
  /** What the whole run left behind on the server or in this process, and should not have. */
  readonly leftovers: readonly string[];
}

export interface RunOptions<Context, Capabilities> {
  /** Default: all of the kit. */
  readonly scenarios?: readonly Scenario<Context, Capabilities>[];
  /** Called for each, in the order of the kit. */
  readonly onReport?: (report: ScenarioReport) => void;
}

const DEFAULT_TIMEOUT_MS = 30_000;
/** How many scenarios that mostly wait run at one time. */
const TOGETHER = 8;

/** Runs first those scenarios that may run together, then each of the others alone; rejects only if the subject cannot be reached at all. */
export async function runScenarios<Harness, Context, Capabilities>(
  kit: Kit<Harness, Context, Capabilities>,
  harness: Harness,
  options: RunOptions<Context, Capabilities> = {},
): Promise<Report> {
  const bench = await kit.open(harness);
  const chosen = options.scenarios ?? kit.scenarios;
  const early = await runTogether(
    chosen.filter(({ together }) => together === true),
    bench,
  );
  const scenarios: ScenarioReport[] = [];
  for (const scenario of chosen) {
    const report = early.get(scenario) ?? (await reportOn(scenario, bench));
    scenarios.push(report);
    options.onReport?.(report);
  }
  const leftovers = await bench.close();
  return { kit: kit.name, subject: bench.subject, capabilities: bench.capabilities, scenarios, leftovers };
}

async function runTogether<Context, Capabilities>(
  scenarios: readonly Scenario<Context, Capabilities>[],
  bench: Bench<Context, Capabilities>,
): Promise<ReadonlyMap<Scenario<Context, Capabilities>, ScenarioReport>> {
  const reports = new Map<Scenario<Context, Capabilities>, ScenarioReport>();
  const waiting = scenarios.values();
  // All draw from the same line.
  const lane = async (): Promise<void> => {
    for (const scenario of waiting) reports.set(scenario, await reportOn(scenario, bench));
  };
  await Promise.all(Array.from({ length: TOGETHER }, lane));
  return reports;
}

async function reportOn<Context, Capabilities>(
  scenario: Scenario<Context, Capabilities>,
  bench: Bench<Context, Capabilities>,
): Promise<ScenarioReport> {
  const startedAt = performance.now();
  const finding = await tryScenario(scenario, bench);
  const { id, group, invariants, promise } = scenario;
  return { id, group, invariants, promise, durationMs: Math.round(performance.now() - startedAt), ...finding };
}

async function tryScenario<Context, Capabilities>(
  scenario: Scenario<Context, Capabilities>,
  bench: Bench<Context, Capabilities>,
): Promise<Finding> {
  const refusal = notApplicable(scenario, bench);
  if (refusal !== undefined) return { status: "not-applicable", ...refusal };
  try {
    await prove(scenario, bench);
    return { status: "proven" };
  } catch (error) {
    return { status: "broken", error: errorData(error) };
  }
}

/** Runs one scenario that applies; rejects when its promise is broken, or when it leaves something that cannot be closed. */
export async function prove<Context, Capabilities>(
  scenario: Scenario<Context, Capabilities>,
  bench: Bench<Context, Capabilities>,
): Promise<void> {
  const trial = bench.begin(scenario);
  const timeoutMs = scenario.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  let passed = false;
  try {
    await before(timeoutMs, `${scenario.id} to end`, scenario.run(trial.context));
    passed = true;
  } finally {
    await before(DEFAULT_TIMEOUT_MS, `what ${scenario.id} opened to close`, trial.end(passed));
  }
}

/** Rejects after `timeoutMs` with what was waited for. */
export async function before<T>(timeoutMs: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${timeoutMs} ms in vain for ${what}`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
