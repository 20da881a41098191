#!/usr/bin/env node
/** `pnpm bench <name>`. */

import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError, Option } from "commander";
import { BROKERS, type BrokerKind } from "./measure/bench-place.ts";
import { thisMachine } from "./measure/machine.ts";
import { storeReport } from "./report/store.ts";
import { printReport } from "./report/terminal.ts";
import { backlog } from "./scenarios/backlog.ts";
import { dispatch } from "./scenarios/dispatch.ts";
import { drain } from "./scenarios/drain.ts";
import { enqueue } from "./scenarios/enqueue.ts";
import { latency } from "./scenarios/latency.ts";
import { pools } from "./scenarios/pools.ts";
import type { BenchOptions, Scenario } from "./scenarios/scenario.ts";
import { startup } from "./scenarios/startup.ts";

const SCENARIOS: readonly Scenario[] = [pools, drain, enqueue, latency, startup, dispatch, backlog];
const FOLDER = fileURLToPath(new URL("../../../docs/benchmarks", import.meta.url));

interface Flags {
  readonly broker: string;
  readonly quick: boolean;
  readonly runs?: number;
  readonly peers: boolean;
  readonly cpuProf?: string;
  readonly only?: string;
  readonly tasks?: number;
  readonly memory: number;
  readonly save: boolean;
}

const program = new Command("bench").description(
  "Measures Lovage. Reports go to docs/benchmarks, and to the terminal.",
);
const argv = process.argv.slice(2).filter((argument) => argument !== "--");
for (const scenario of SCENARIOS) {
  program
    .command(scenario.name)
    .description(scenario.about)
    .addOption(
      new Option("--broker <kind>", "the broker; a server is started for each measurement")
        .choices(Object.keys(BROKERS))
        .default("sqlite"),
    )
    .option("--quick", "fewer and shorter measurements: a minute in all", false)
    .option(
      "--runs <count>",
      "measure each figure so often and take the median (default: 3, with --quick 1)",
      wholeNumber,
    )
    .option("--peers", "measure other queues in the same run", false)
    .option("--only <cases>", "only these cases, separated by commas")
    .option("--tasks <count>", "tasks per measurement", wholeNumber)
    .option("--memory <GiB>", "do not start what would need more than this", wholeNumber, 4)
    .option("--cpu-prof <folder>", "write processor profiles of the worker there")
    .option("--no-save", "do not write docs/benchmarks")
    .action((flags: Flags) => measure(scenario, flags));
}
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
await program.parseAsync(argv, { from: "user" });

async function measure(scenario: Scenario, flags: Flags): Promise<void> {
  const options: BenchOptions = {
    broker: BROKERS[flags.broker] as BrokerKind,
    quick: flags.quick,
    runs: flags.runs ?? (flags.quick ? 1 : 3),
    peers: flags.peers,
    cpuProf: flags.cpuProf,
    only: flags.only?.split(","),
    tasks: flags.tasks,
    memoryBytes: flags.memory * 2 ** 30,
  };
  const [loadBefore = Number.NaN] = loadavg();
  const machine = thisMachine();
  const report = await scenario.run(options);
  printReport(report);
  if (!flags.save) return;
  const command = `pnpm bench ${argv.join(" ")}`;
  const date = new Date().toISOString().slice(0, 10);
  const files = await storeReport(report, { machine, date, command, loadBefore }, FOLDER);
  process.stdout.write(`\nWritten: ${files.join(", ")}\n`);
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("a whole number from 1 is needed.");
  return value;
}
