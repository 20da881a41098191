#!/usr/bin/env node
/** `pnpm start`. */

import { fileURLToPath } from "node:url";
import { readOptions } from "./options.ts";
import { printReport, reportJson } from "./report.ts";
import { run } from "./run.ts";

const REPOSITORY = fileURLToPath(new URL("../../..", import.meta.url));
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

const options = readOptions(process.argv.slice(2), REPOSITORY);
const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interruption.abort(signal));

try {
  const outcome = await run(options, interruption.signal);
  if (options.json) process.stdout.write(`${reportJson(outcome, options)}\n`);
  else printReport(outcome, options);
  process.exitCode = outcome.failures.length === 0 ? 0 : 1;
} catch (error) {
  const { aborted, reason } = interruption.signal;
  if (!aborted) process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = aborted ? EXIT_CODES[reason as keyof typeof EXIT_CODES] : 1;
}
