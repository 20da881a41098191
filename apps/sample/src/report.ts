/** What a run says at its end. */

import CliTable from "cli-table3";
import { type Estimate, wrongPools } from "./estimate.ts";
import type { SampleOptions } from "./options.ts";
import type { Answer, Outcome } from "./run.ts";
import type { Snippet } from "./snippet.ts";

/** Which task runs in which pool. */
const TASKS = { io: "documents.fetch", cpu: "documents.index" } as const;

export function printReport(outcome: Outcome, options: SampleOptions): void {
  const { documents, indexed, failures, tookMs, terms, bytes, packedBytes } = outcome;
  print(
    `\nIndexed ${indexed.length} of ${documents} documents in ${seconds(tookMs)}: ${whole(terms)} terms, ` +
      `${mebibytes(bytes)} of text, ${mebibytes(packedBytes)} packed.`,
  );
  for (const failure of failures) print(`  not indexed: ${failure}`);
  print(`\n${poolTable(outcome)}`);
  print(`\nThe same load in one pool, estimated from the measured times (N·t/c):\n${estimateTable(outcome, options)}`);
  print(`\nWhat the index says about "${options.query}":\n`);
  for (const [rank, answer] of outcome.answers.entries()) printAnswer(rank + 1, answer);
  if (outcome.answers.length === 0) print("  nothing; try --query with other words");
}

/** The same for programs. */
export function reportJson(outcome: Outcome, options: SampleOptions): string {
  const { answers, stats, ...rest } = outcome;
  return JSON.stringify({
    ...rest,
    indexed: outcome.indexed.length,
    pools: stats.pools,
    tasks: stats.tasks,
    estimates: estimates(outcome, options),
    answers: answers.map(({ document, score, copies, snippet }) => ({
      path: document.path,
      title: document.title,
      score,
      copies,
      snippet: snippet.text,
    })),
  });
}

/** Lines and heads in the terminal's own colours where there is none. */
function newTable(head: string[], colAligns: ("left" | "right")[]): CliTable.Table {
  const style = process.stdout.isTTY ? { head: ["bold"], border: ["gray"] } : { head: [], border: [] };
  return new CliTable({ head, colAligns, style });
}

function poolTable({ stats, memory, tookMs }: Outcome): string {
  const table = newTable(
    ["pool", "task", "tasks", "retried", "tasks/s", "mean", "busy", "memory"],
    ["left", "left", "right", "right", "right", "right", "right", "right"],
  );
  for (const [name, task] of Object.entries(TASKS)) {
    const pool = stats.pools[name];
    if (pool === undefined) continue;
    const { succeeded = 0, retried = 0, meanMs = 0 } = stats.tasks[task] ?? {};
    const busyMs = pool.executors.reduce((sum, executor) => sum + executor.busyMs, 0);
    const bytes = name === "io" ? memory.worker : memory.processes;
    table.push([
      `${name}: ${pool.kind} × ${pool.capacity}`,
      task,
      whole(succeeded),
      whole(retried),
      whole((succeeded / tookMs) * 1000),
      `${meanMs.toFixed(0)} ms`,
      seconds(busyMs),
      bytes === undefined ? "unknown" : `${mebibytes(bytes)}${name === "io" ? " with the engine" : ""}`,
    ]);
  }
  return table.toString();
}

function estimateTable(outcome: Outcome, options: SampleOptions): string {
  const table = newTable(["choice", "time", "memory of executors", "because"], ["left", "right", "right", "left"]);
  table.push([
    "as it ran: each in its pool",
    seconds(outcome.tookMs),
    outcome.memory.processes === undefined ? "unknown" : mebibytes(outcome.memory.processes),
    "measured",
  ]);
  for (const { choice, ms, bytes, price } of estimates(outcome, options)) {
    table.push([choice, `≈ ${seconds(ms)}`, bytes === undefined ? "–" : `≈ ${mebibytes(bytes)}`, price]);
  }
  return table.toString();
}

function estimates({ stats, indexed, memory }: Outcome, { slots }: SampleOptions): Estimate[] {
  const fetching = stats.tasks["documents.fetch"];
  const indexing = stats.tasks["documents.index"];
  const cpuMs = indexed.reduce((sum, each) => sum + each.cpuMs, 0);
  return wrongPools({
    fetches: fetching?.succeeded ?? 0,
    fetchMs: fetching?.meanMs ?? 0,
    indexings: indexed.length,
    indexMs: indexing?.meanMs ?? 0,
    indexCpuMs: cpuMs / Math.max(1, indexed.length),
    slots,
    processes: stats.pools.cpu?.capacity ?? 1,
    processBytes: memory.eachProcess,
  });
}

function printAnswer(rank: number, { document, copies, snippet }: Answer): void {
  const title = document.title === document.path ? "" : `${bold(document.title)}  `;
  print(`  ${rank}. ${title}${dim(document.path)}`);
  if (copies.length > 0) print(dim(`     and ${copies.length} near ${copies.length === 1 ? "copy" : "copies"}`));
  print(`     … ${marked(snippet)} …\n`);
}

function marked({ text, marks }: Snippet): string {
  let shown = "";
  let from = 0;
  for (const [start, end] of marks) {
    shown += text.slice(from, start) + bold(text.slice(start, end));
    from = end;
  }
  return shown + text.slice(from);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const styled = (on: number, off: number) => (text: string) =>
  process.stdout.isTTY && process.env.NO_COLOR === undefined ? `\u001b[${on}m${text}\u001b[${off}m` : text;
const bold = styled(1, 22);
const dim = styled(2, 22);

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function mebibytes(bytes: number): string {
  const value = bytes / 2 ** 20;
  return `${value < 10 ? value.toFixed(1) : whole(value)} MiB`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
