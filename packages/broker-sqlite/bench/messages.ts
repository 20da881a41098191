/** What the benchmarks send, and where they put the file. */

import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OutgoingMessage } from "@lovage/core/contracts";

let counter = 0;

/** A UUID v7, as clients make them: ids of one time are neighbours, which an index rewards. */
export function uuid7(): string {
  counter += 1;
  const time = Date.now().toString(16).padStart(12, "0");
  const count = counter.toString(16).padStart(6, "0").slice(-6);
  const random = randomBytes(6).toString("hex");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${count.slice(0, 3)}-8${count.slice(3)}-${random}`;
}

const BODY = JSON.stringify([["x".repeat(94)]]);

export function noop(queue: string): OutgoingMessage {
  return { id: uuid7(), queue, headers: { task: "bench.noop", publishedAt: Date.now() }, body: BODY, priority: 5 };
}

export function noops(queue: string, count: number): OutgoingMessage[] {
  return Array.from({ length: count }, () => noop(queue));
}

/** Runs with a file in a folder that is gone afterwards. */
export async function withFile<T>(run: (path: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(process.env.LOVAGE_BENCH_DIR ?? tmpdir(), "lovage-sqlite-bench-"));
  try {
    return await run(join(folder, "bench.db"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
