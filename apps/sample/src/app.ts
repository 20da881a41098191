/**
 * The app that the worker is started with. Two tasks, each in the pool that suits it: `fetchDocument` waits, hundreds at a time, in
 * the event pool `io`; `indexDocument` computes, one per core, in the process pool `cpu`.
 */

import { readFile, writeFile } from "node:fs/promises";
import { Agent } from "node:http";
import { join } from "node:path";
import { createApp, currentTask, task } from "@lovage/core";
import { get } from "./http-get.ts";
import { buildPartialIndex } from "./partial-index.ts";

/** Where a run keeps its files: documents as fetched, and a partial index of each. */
export interface Places {
  /** Address of the document server. */
  readonly server: string;
  readonly fetched: string;
  readonly indexed: string;
}

export interface Indexed {
  readonly bytes: number;
  /** Processor time that it took, in ms. */
  readonly cpuMs: number;
}

/** Address of a document: each part of its path is encoded apart, so that `#` and `?` in a name stay in it. */
function addressOf(path: string, server: string): URL {
  return new URL(path.split("/").map(encodeURIComponent).join("/"), server);
}

/** One per executor, made by its start hook: connections stay open from task to task. */
let agent: Agent | undefined;

/**
 * Fetches a document and has it indexed; resolves with the id of that task. What travels through the queue is a file name, not the text.
 * Both tasks write the same files when they run a second time (after a crash, a task may), so twice is as good as once.
 */
export const fetchDocument = task(
  "documents.fetch",
  async (number: number, path: string, places: Places): Promise<string> => {
    const text = await get(addressOf(path, places.server), { agent, signal: currentTask().signal });
    await writeFile(join(places.fetched, `${number}.md`), text);
    const run = await indexDocument.enqueue(number, path, places);
    return run.id;
  },
  { queue: "io", retry: { attempts: 5, delay: "200ms" }, limits: { soft: "10s" } },
);

/** Builds the partial index of one fetched document. */
export const indexDocument = task(
  "documents.index",
  async (number: number, path: string, places: Places): Promise<Indexed> => {
    const text = await readFile(join(places.fetched, `${number}.md`), "utf8");
    const before = process.cpuUsage();
    const part = buildPartialIndex(path, text);
    const { user, system } = process.cpuUsage(before);
    await writeFile(join(places.indexed, `${number}.json`), JSON.stringify(part));
    return { bytes: part.bytes, cpuMs: (user + system) / 1000 };
  },
  { queue: "cpu", limits: { hard: "60s" } },
);

export default createApp({
  tasks: [fetchDocument, indexDocument],
  onExecutorStart() {
    agent = new Agent({ keepAlive: true });
  },
  onExecutorStop() {
    agent?.destroy();
  },
});
