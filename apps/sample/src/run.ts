/** One run: server and worker up, everything queued, waited for, merged, and all down again. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createApp } from "@lovage/core";
import type { Broker } from "@lovage/core/contracts";
import type { WorkerStats } from "@lovage/core/engine";
import { connect } from "lovage";
import { findDocuments } from "./documents.ts";
import { proportionalBytes } from "./memory.ts";
import type { SampleOptions } from "./options.ts";
import type { PartialIndex } from "./partial-index.ts";
import { PRODUCED, type Produced, produce } from "./producer.ts";
import { showProgress } from "./progress.ts";
import { RunFolder } from "./run-folder.ts";
import { type Hit, SearchIndex } from "./search-index.ts";
import { startServer } from "./server-process.ts";
import { type Snippet, snippetOf } from "./snippet.ts";
import { startWorker } from "./worker-process.ts";

export interface Outcome extends Produced {
  readonly documents: number;
  /** From the first message to the last result, in ms. */
  readonly tookMs: number;
  readonly terms: number;
  readonly bytes: number;
  readonly packedBytes: number;
  readonly answers: readonly Answer[];
  readonly stats: WorkerStats;
  readonly memory: Memory;
  /** Processes that the run started: server, worker, and those of its process pool. */
  readonly pids: readonly number[];
}

export interface Answer extends Hit {
  readonly snippet: Snippet;
}

/** Proportional memory in bytes when the work was done; undefined where the system does not tell. */
export interface Memory {
  /** The worker process: engine and event pool. */
  readonly worker: number | undefined;
  /** The process pool: mean of its processes, and their sum. */
  readonly eachProcess: number | undefined;
  readonly processes: number | undefined;
}

const ANSWERS = 5;
const INSPECT_MS = 2_000;

/** Rejects with the signal's reason when it is aborted. Whatever happens, nothing is left when this settles: no process, no file. */
export async function run(options: SampleOptions, signal: AbortSignal): Promise<Outcome> {
  const documents = await findDocuments(options.folder, options.limit);
  if (documents.length === 0) throw new Error(`there is no Markdown under ${options.folder}; name another folder`);
  using folder = new RunFolder();
  const broker = `sqlite:${folder.queueFile}`;
  const processes = options.processes === undefined ? "" : `:${options.processes}`;
  await using server = await startServer(options.folder, options.latencyMs, options.unlucky);
  await using worker = await startWorker(broker, [`io=event:${options.slots}`, `cpu=process${processes}`]);
  const connection = await connect(broker);
  await using app = createApp({ tasks: PRODUCED, ...connection });
  signal.throwIfAborted();

  const places = { server: server.address, fetched: folder.fetched, indexed: folder.indexed };
  const started = performance.now();
  let produced: Produced;
  {
    using progress = showProgress();
    produced = await unlessAborted(signal, produce(documents, places, app, progress));
  }
  const tookMs = performance.now() - started;

  const stats = await statsOfWorker(connection.broker);
  const pids = (stats.pools.cpu?.executors ?? []).flatMap(({ pid }) => pid ?? []);
  const index = new SearchIndex(await readParts(folder.indexed));
  return {
    ...produced,
    documents: documents.length,
    tookMs,
    terms: index.terms,
    bytes: index.documents.reduce((sum, document) => sum + document.bytes, 0),
    packedBytes: index.documents.reduce((sum, document) => sum + document.packedBytes, 0),
    answers: await answer(index, options),
    stats,
    memory: await memoryOf(worker.pid, pids),
    pids: [server.pid, worker.pid, ...pids],
  };
}

async function answer(index: SearchIndex, { folder, query }: SampleOptions): Promise<Answer[]> {
  return Promise.all(
    index.search(query, ANSWERS).map(async (hit) => {
      const text = await readFile(join(folder, hit.document.path), "utf8");
      return { ...hit, snippet: snippetOf(text, query) };
    }),
  );
}

async function readParts(folder: string): Promise<PartialIndex[]> {
  const files = await readdir(folder);
  return Promise.all(files.map(async (file) => JSON.parse(await readFile(join(folder, file), "utf8")) as PartialIndex));
}

/** What `lovage inspect stats` shows, asked of the one worker of this queue. */
async function statsOfWorker(broker: Broker): Promise<WorkerStats> {
  const replies = broker.control?.broadcast(
    { name: "inspect", args: { what: "stats" } },
    { timeoutMs: INSPECT_MS, expect: 1 },
  );
  for await (const reply of replies ?? []) {
    if (reply.ok) return reply.value as WorkerStats;
    throw new Error(`the worker refused to tell its figures: ${reply.error}`);
  }
  throw new Error(`the worker did not tell its figures within ${INSPECT_MS} ms`);
}

async function memoryOf(worker: number, processes: readonly number[]): Promise<Memory> {
  const each = await Promise.all(processes.map(proportionalBytes));
  const known = each.filter((bytes) => bytes !== undefined);
  const sum = known.length === 0 ? undefined : known.reduce((total, bytes) => total + bytes, 0);
  return {
    worker: await proportionalBytes(worker),
    processes: sum,
    eachProcess: sum === undefined ? undefined : sum / known.length,
  };
}

async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
