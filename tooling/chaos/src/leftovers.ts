/** Executors that outlived their worker: found by the processes that the ledger names, ended by id. */

import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { LedgerReader } from "./ledger.ts";

/** An executor whose worker died ends by itself, and may take this long. */
const MAY_TAKE_MS = 5_000;
const LOOK_AGAIN_MS = 100;

/** Resolves with a line for each process that had to be ended. Where the system has no `/proc` nothing can be said, and none is. */
export async function endLeftovers(ledger: string): Promise<string[]> {
  const pids = new Set<number>();
  for (const entry of await new LedgerReader(ledger).read()) if (entry.e === "start") pids.add(entry.pid);
  let left = [...pids];
  for (const until = Date.now() + MAY_TAKE_MS; ; await pause(LOOK_AGAIN_MS)) {
    const ours = await Promise.all(left.map((pid) => isOfThisRun(pid, ledger)));
    left = left.filter((_, place) => ours[place]);
    if (left.length === 0) return [];
    if (Date.now() > until) break;
  }
  for (const pid of left) end(pid);
  return left.map((pid) => `process ${pid} ran on after its worker had ended`);
}

/** A pid may have been given to somebody else meanwhile; the ledger's path in its environment tells. */
async function isOfThisRun(pid: number, ledger: string): Promise<boolean> {
  try {
    return (await readFile(`/proc/${pid}/environ`, "utf8")).includes(`CHAOS_LEDGER=${ledger}`);
  } catch {
    return false;
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    // It ended by itself in this very moment.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
