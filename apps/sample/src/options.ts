/** What `pnpm start -- …` accepts. */

import { resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";

export interface SampleOptions {
  readonly folder: string;
  readonly query: string;
  readonly limit: number;
  /** Tasks that may wait at once in the event pool. */
  readonly slots: number;
  /** Processes of the process pool; undefined leaves it to the worker (one per core). */
  readonly processes: number | undefined;
  readonly latencyMs: number;
  /** Share of documents whose first request fails. */
  readonly unlucky: number;
  /** Prints one JSON object at the end in place of the tables. */
  readonly json: boolean;
}

const ABOUT = `Indexes a folder of Markdown documents and answers a query from the index.

A small local server hands the documents out as slowly as a distant one would.
A producer, this process, queues a "documents.fetch" for each. They wait for
their documents in the event pool "io", hundreds at a time, and each queues a
"documents.index", which computes in the process pool "cpu", one per core:
words, stems, a fingerprint, a packed copy, a hash. One real "lovage worker"
runs both, in a process of its own, on a SQLite file. At the end the partial
indexes are merged, and the query is answered.

Everything is in a temporary folder and is gone afterwards, also after Ctrl-C.`;

const EXAMPLES = `
Examples:
  npx -y pnpm@12 start
  npx -y pnpm@12 start -- ~/notes --query "rotate certificates"
  npx -y pnpm@12 start -- --slots 20           # fewer at once: watch the waiting take longer
  npx -y pnpm@12 start -- --latency 600        # a slower server: the event pool hardly notices`;

/** Reads the command line. Prints help or what is wrong and ends the process where commander does. `defaultFolder` is what is indexed without an argument. */
export function readOptions(argv: readonly string[], defaultFolder: string): SampleOptions {
  const command = new Command("start")
    .description(ABOUT)
    .argument("[folder]", "folder to index, with everything below it (default: this repository)")
    .option("-q, --query <words>", "what to look for at the end", "limit the memory of a worker thread")
    .option("-n, --limit <count>", "index no more documents than this", wholeNumber, 3_000)
    .option("--slots <count>", 'size of the event pool "io"', wholeNumber, 200)
    .option("--processes <count>", 'size of the process pool "cpu" (default: one per core)', wholeNumber)
    .option("--latency <ms>", "median latency of the document server", wholeNumber, 150)
    .option("--unlucky <share>", "share of documents whose first request fails and is retried, 0 to 1", share, 0.02)
    .option("--json", "print the outcome as one JSON object in place of tables", false)
    .addHelpText("after", EXAMPLES)
    .showHelpAfterError("(start --help explains)");
  command.parse(
    argv.filter((argument) => argument !== "--"),
    { from: "user" },
  );
  const { latency, processes, ...options } = command.opts<{
    query: string;
    limit: number;
    slots: number;
    processes?: number;
    latency: number;
    unlucky: number;
    json: boolean;
  }>();
  return { ...options, processes, latencyMs: latency, folder: resolve(command.args[0] ?? defaultFolder) };
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("a whole number from 1 is needed.");
  return value;
}

function share(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError("a number from 0 to 1 is needed.");
  return value;
}
