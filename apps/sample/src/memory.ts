/** Proportional set size: what a process adds to the machine, shared pages divided among those who share them. */

import { readFile } from "node:fs/promises";

/** In bytes; undefined where the system does not tell (anything but Linux) or the process has ended. */
export async function proportionalBytes(pid: number): Promise<number | undefined> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => undefined);
  const kib = /^Pss:\s+(\d+) kB$/m.exec(rollup ?? "")?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}
