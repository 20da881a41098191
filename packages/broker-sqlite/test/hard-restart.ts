/**
 * What a restart of the server is to a broker without one: everything that has the file open dies at once and without a word, and it is
 * opened again with what is on the disk. The storage threads of this process are ended wherever they are; the last to have the file
 * open is another process, killed with SIGKILL in the middle of a transaction that would empty every table, half of it in the write-ahead
 * log already. So whoever comes next has that log to recover.
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";

const PROGRAM = fileURLToPath(new URL("in-a-transaction.ts", import.meta.url));
const threads = new Set<Worker>();

process.on("worker", (thread) => {
  threads.add(thread);
  thread.once("exit", () => threads.delete(thread));
});

/** Resolves when everybody is dead and the file can be opened. */
export async function hardRestart(path: string): Promise<void> {
  const last = fork(PROGRAM, [path], { execArgv: [] });
  const ended = once(last, "exit");
  const said = await Promise.race([once(last, "message"), ended]);
  if (said[0] !== "in a transaction") throw new Error(`the process that was to die ended with ${said}`);
  if (threads.size === 0) throw new Error("no storage thread has the file open, so nothing would be restarted");
  await Promise.all([...threads].map((thread) => thread.terminate()));
  last.kill("SIGKILL");
  await ended;
}
