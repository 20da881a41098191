/** A report, and the way to it, on a terminal. */

import { SingleBar } from "cli-progress";
import CliTable from "cli-table3";
import { verdictOf } from "./goal.ts";
import { GOALS_HEAD } from "./markdown.ts";
import type { Report, Table } from "./report.ts";

export function printReport(report: Report): void {
  const goals = report.goals.map((goal) => [goal.what, goal.wanted, goal.reached, verdictOf(goal)]);
  const tables: Table[] = [...report.tables];
  if (goals.length > 0) tables.push({ caption: "Goals", head: GOALS_HEAD, rows: goals });
  for (const { caption, head, rows } of tables) {
    const style = process.stdout.isTTY ? { head: ["bold"], border: ["gray"] } : { head: [], border: [] };
    const colAligns = head.map((_, index) => (index === 0 ? "left" : "right"));
    const table = new CliTable({ head: [...head], colAligns, style });
    table.push(...rows.map((row) => [...row]));
    process.stdout.write(`\n${caption}\n${table.toString()}\n`);
  }
  for (const note of report.notes) process.stdout.write(`- ${note}\n`);
}

/** A bar on a terminal, a line per step elsewhere. Written to stderr. */
export interface Progress {
  /** Names what is measured now. */
  at(step: string): void;
  /** Some of the expected work is done. */
  advance(amount: number): void;
  stop(): void;
}

export function progressOf(total: number): Progress {
  if (!process.stderr.isTTY) {
    return { at: (step) => void process.stderr.write(`${step}\n`), advance: () => {}, stop: () => {} };
  }
  const bar = new SingleBar({
    format: " {bar} {percentage}% {step}",
    hideCursor: true,
    clearOnComplete: true,
    stream: process.stderr,
  });
  bar.start(total, 0, { step: "" });
  return {
    at: (step) => bar.update({ step }),
    advance: (amount) => bar.increment(amount),
    stop: () => bar.stop(),
  };
}
