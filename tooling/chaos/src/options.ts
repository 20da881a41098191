/** The flags of `pnpm chaos`. */

import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { signalFaults } from "./fault-kinds.ts";
import type { RigKind } from "./rigs/rig.ts";
import { rigs } from "./rigs/rigs.ts";
import { type Fault, type FaultKind, schedule } from "./schedule.ts";

export interface ChaosOptions {
  readonly rig: RigKind;
  readonly seed: number;
  readonly tasks: number;
  readonly minutes: number;
  readonly workers: number;
  readonly producers: number;
  readonly faults: readonly FaultKind[];
  readonly everyMs: number;
  readonly leaseMs: number;
  readonly graceMs: number;
  readonly poisonEvery: number;
  /** How long the queues may take to empty after the last fault, in ms. */
  readonly drainMs: number;
}

export const USAGE = `Usage: pnpm chaos [options]

Real producers and workers under faults; then what was lost, run twice or late. Exit code 1: a promise was broken.

  --broker <name>      ${rigs.map(({ name }) => name).join(", ")} (default: sqlite)
  --seed <n>           the same faults and tasks again (default: a random one, printed)
  --tasks <n>          how many (default: 20000)
  --minutes <n>        how long tasks are published and faults come (default: 1)
  --workers <n>        worker processes (default: 3)
  --producers <n>      producer processes (default: 2)
  --faults <a,b,…>     which (default: all that the broker's rig knows); none: a run without
  --every <ms>         mean time between faults (default: 2500)
  --lease <ms>         lease of the queues (default: 3000)
  --grace <ms>         grace of the workers (default: 5000)
  --poison-every <n>   one task in so many kills its process; 0: none (default: 2000)
  --drain <ms>         how long the queues may take to empty at the end (default: 60000)
  --schedule           print what would be done, and end
  --check <ledger>     judge a ledger that was kept, and end
  --keep               keep the folder with the ledger and logs also when all is well`;

export interface CommandLine {
  readonly options: ChaosOptions;
  readonly scheduleOnly: boolean;
  readonly keep: boolean;
  readonly check: string | undefined;
  readonly help: boolean;
}

const FLAGS = {
  broker: { type: "string", default: "sqlite" },
  seed: { type: "string" },
  tasks: { type: "string", default: "20000" },
  minutes: { type: "string", default: "1" },
  workers: { type: "string", default: "3" },
  producers: { type: "string", default: "2" },
  faults: { type: "string" },
  every: { type: "string", default: "2500" },
  lease: { type: "string", default: "3000" },
  grace: { type: "string", default: "5000" },
  "poison-every": { type: "string", default: "2000" },
  drain: { type: "string", default: "60000" },
  schedule: { type: "boolean", default: false },
  check: { type: "string" },
  keep: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** Throws an error whose message says what is wrong with the flags. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  // pnpm hands on the `--` that ends its own options.
  const { values } = parseArgs({ args: args.filter((arg) => arg !== "--"), options: FLAGS });
  const rig = rigs.find(({ name }) => name === values.broker);
  if (rig === undefined)
    throw new Error(`--broker ${values.broker}: there is a rig for ${rigs.map(({ name }) => name).join(", ")}`);
  const leaseMs = number("lease", values.lease, 1_000);
  return {
    options: {
      rig,
      seed: values.seed === undefined ? randomInt(1, 1_000_000) : number("seed", values.seed, 0),
      tasks: number("tasks", values.tasks, 1),
      minutes: number("minutes", values.minutes, 0.01, false),
      workers: number("workers", values.workers, 1),
      producers: number("producers", values.producers, 1),
      faults: chosen(values.faults, [...signalFaults(leaseMs), ...rig.faults]),
      everyMs: number("every", values.every, 100),
      leaseMs,
      graceMs: number("grace", values.grace, 0),
      poisonEvery: number("poison-every", values["poison-every"], 0),
      drainMs: number("drain", values.drain, 1_000),
    },
    scheduleOnly: values.schedule,
    keep: values.keep,
    check: values.check,
    help: values.help,
  };
}

export function scheduleOf(options: ChaosOptions): Fault[] {
  const { seed, faults, everyMs, minutes, workers, producers } = options;
  return schedule({ seed, kinds: faults, durationMs: minutes * 60_000, everyMs, workers, producers });
}

/** What to type for the same run again. */
export function commandOf(options: ChaosOptions): string {
  const faults = options.faults.length === 0 ? "none" : options.faults.map(({ name }) => name).join(",");
  return [
    "pnpm chaos",
    `--broker ${options.rig.name} --seed ${options.seed} --tasks ${options.tasks} --minutes ${options.minutes}`,
    `--workers ${options.workers} --producers ${options.producers} --faults ${faults} --every ${options.everyMs}`,
    `--lease ${options.leaseMs} --grace ${options.graceMs} --poison-every ${options.poisonEvery}`,
  ].join(" ");
}

function number(flag: string, text: string, least: number, whole = true): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= least && (!whole || Number.isInteger(value))) return value;
  throw new Error(`--${flag} ${text}: give a ${whole ? "whole " : ""}number of at least ${least}`);
}

function chosen(text: string | undefined, known: readonly FaultKind[]): FaultKind[] {
  if (text === undefined) return [...known];
  if (text === "none") return [];
  return text.split(",").map((name) => {
    const kind = known.find((candidate) => candidate.name === name.trim());
    if (kind !== undefined) return kind;
    const list = known.map(({ name, does }) => `${name} (${does})`).join(", ");
    throw new Error(`--faults ${name}: this broker knows ${list}`);
  });
}
