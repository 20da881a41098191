/** Memory and processor time of a process and all its descendants, from Linux's /proc. */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** Own processor time and that of children that have ended, in ms. */
  readonly cpuMs: number;
}

/** The pids of a process and its descendants that live now, the process first. */
export function treeOf(root: number): number[] {
  const children = Map.groupBy(allStats(), (stat) => stat.parent);
  const found = [root];
  for (const pid of found) for (const child of children.get(pid) ?? []) found.push(child.pid);
  return found;
}

/** Proportional set size of the tree, in bytes: pages that several processes share are counted once in all. */
export function treePss(root: number): number {
  return treeOf(root).reduce((sum, pid) => sum + pss(pid), 0);
}

/** Processor time that the tree has used so far, in ms, children that have ended and were waited for included. */
export function treeCpuMs(root: number): number {
  return treeOf(root).reduce((sum, pid) => sum + (statOf(pid)?.cpuMs ?? 0), 0);
}

/** Proportional set size of one process, in bytes; 0 when it has ended. */
export function pss(pid: number): number {
  const kib = /^Pss:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1];
  return kib === undefined ? 0 : Number(kib) * 1024;
}

function allStats(): Stat[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => statOf(Number(name)) ?? []);
}

/** See proc_pid_stat(5): the name in parentheses may hold anything, so fields are counted from behind it. */
function statOf(pid: number): Stat | undefined {
  const text = read(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  if (fields.length < 15) return undefined;
  const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
  return { pid, parent: Number(fields[1]), cpuMs: (ticks * 1000) / TICKS_PER_SECOND };
}

/** Empty when the process has ended meanwhile. */
function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
