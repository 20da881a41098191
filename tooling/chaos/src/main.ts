/** `pnpm chaos`: see {@link USAGE} and the README beside. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check } from "./check.ts";
import { type History, historyOf } from "./history.ts";
import { LedgerReader } from "./ledger.ts";
import { type CommandLine, commandOf, parseCommandLine, scheduleOf, USAGE } from "./options.ts";
import { printedReport } from "./report.ts";
import { run } from "./run.ts";
import { printedSchedule } from "./schedule.ts";

/** Broken promises, or a run that could not be made. */
const BROKEN = 1;
const USAGE_ERROR = 64;
/** Beyond publishing, faults and draining: starting, stopping, reading. */
const AROUND_MS = 120_000;

async function main(line: CommandLine): Promise<number> {
  if (line.help) {
    console.log(USAGE);
    return 0;
  }
  if (line.check !== undefined) {
    const { history, violations } = await judge(line.check, []);
    console.log(`seed ${history.facts.seed}: ${verdict(violations)}`);
    return violations === 0 ? 0 : BROKEN;
  }
  const { options } = line;
  const faults = scheduleOf(options);
  console.log(`seed ${options.seed}\n${printedSchedule(faults)}`);
  if (line.scheduleOnly) return 0;

  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => interrupted.abort());
  const bound = AbortSignal.timeout(options.minutes * 60_000 + options.drainMs + AROUND_MS);
  const folder = await mkdtemp(join(tmpdir(), "lovage-chaos-"));
  try {
    const { ledger, internalErrors } = await run(options, faults, folder, AbortSignal.any([interrupted.signal, bound]));
    const { violations } = await judge(ledger, internalErrors);
    if (violations > 0) {
      console.log(`kept ${folder}\nseed ${options.seed}: ${verdict(violations)}; again: ${commandOf(options)}`);
      return BROKEN;
    }
    if (line.keep) console.log(`kept ${folder}`);
    else await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    console.log(`seed ${options.seed}: ${verdict(0)}`);
    return 0;
  } catch (error) {
    console.error(error);
    console.log(`kept ${folder}\nseed ${options.seed}: the run could not be made; again: ${commandOf(options)}`);
    return BROKEN;
  }
}

async function judge(
  ledger: string,
  internalErrors: readonly string[],
): Promise<{ history: History; violations: number }> {
  const reader = new LedgerReader(ledger);
  const history = historyOf(await reader.read(), reader.torn);
  const findings = check(history);
  console.log(printedReport(findings, history, internalErrors));
  return { history, violations: findings.violations.length };
}

function verdict(violations: number): string {
  return violations === 0 ? "every promise was kept" : `${violations} broken promises`;
}

try {
  process.exitCode = await main(parseCommandLine(process.argv.slice(2)));
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`);
  process.exitCode = USAGE_ERROR;
}
