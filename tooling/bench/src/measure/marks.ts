/** What executors noted about the tasks that they ran. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Environment variable with the folder that executors write to. */
export const MARKS_VARIABLE = "LOVAGE_BENCH_MARKS";

export interface Marks {
  readonly count: number;
  /** By {@link now}. */
  readonly firstStartedAt: number;
  readonly lastFinishedAt: number;
  readonly latencyUs: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** Milliseconds of the machine's monotonic clock: the same in all its processes and threads. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** The marks of all executors that have stopped. */
export async function readMarks(folder: string): Promise<Marks[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".json"));
  return Promise.all(files.map(async (file) => JSON.parse(await readFile(join(folder, file), "utf8")) as Marks));
}

/** Tasks that ran, and the time from the first start to the last end, over all executors. */
export function combine(marks: readonly Pick<Marks, "count" | "firstStartedAt" | "lastFinishedAt">[]): {
  readonly count: number;
  readonly spanMs: number;
} {
  const count = marks.reduce((sum, mark) => sum + mark.count, 0);
  const first = Math.min(...marks.map((mark) => mark.firstStartedAt));
  const last = Math.max(...marks.map((mark) => mark.lastFinishedAt));
  return { count, spanMs: marks.length === 0 ? 0 : last - first };
}
