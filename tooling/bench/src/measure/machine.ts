/** The machine, as far as it matters to a figure. */

import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { BenchFolder } from "./bench-folder.ts";
import { median } from "./statistics.ts";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  /** How long the disk under the queue takes to make 4 KiB durable, in ms: what a commit cannot be faster than. */
  readonly syncMs: number;
}

export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() || "unknown processor",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release().split("-")[0]} ${process.arch}`,
    node: process.versions.node,
    syncMs: syncMs(),
  };
}

function syncMs(): number {
  using folder = new BenchFolder();
  const file = openSync(join(folder.path, "sync"), "w");
  const block = Buffer.alloc(4096);
  const times = Array.from({ length: 100 }, () => {
    const started = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    return performance.now() - started;
  });
  closeSync(file);
  return median(times);
}
