/** A child process that is ended for sure: asked first, forced after a while. */

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** Sends SIGTERM, and SIGKILL after `graceMs`. Resolves once the process has ended; at once when it already has. */
export async function endChild(child: ChildProcess, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), graceMs);
  await exited;
  clearTimeout(force);
}
