/** A child process that is ended for sure: asked first, forced after a while. */

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** A worker asked twice gives back what still runs, in place of waiting for it. */
const ASK_AGAIN_MS = 300;

/** Sends SIGTERM, a second one if that was not enough, and SIGKILL after `graceMs`. Resolves once the process has ended; at once when it already has. */
export async function endChild(child: ChildProcess, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const again = setTimeout(() => child.kill("SIGTERM"), ASK_AGAIN_MS);
  const force = setTimeout(() => child.kill("SIGKILL"), graceMs);
  await exited;
  clearTimeout(again);
  clearTimeout(force);
}
