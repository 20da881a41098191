/** What an idle executor costs: PSS of the whole process tree, with 2 and with 12 executors of each kind. Linux only. */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import type { Pool } from "@lovage/core/contracts";
import { eventPool } from "@lovage/pool-event";
import { processPool } from "@lovage/pool-process";
import { threadPool } from "@lovage/pool-thread";
import { drainPool, poolContext } from "./pools/drain.ts";

const FEW = 2;
const MANY = 12;

const kinds: Readonly<Record<string, (size: number) => Pool>> = {
  process: (size) => processPool({ size }),
  thread: (size) => threadPool({ size }),
  "event loop": (size) => eventPool({ loops: size }),
};

const [, file, kind, size] = process.argv;
if (kind !== undefined) console.log(JSON.stringify(await weigh((kinds[kind] as (size: number) => Pool)(Number(size)))));
else
  for (const name of Object.keys(kinds)) {
    const [few, many] = [weighed(name, FEW), weighed(name, MANY)];
    const each = (many.mebibytes - few.mebibytes) / (MANY - FEW);
    console.log(`${name.padEnd(12)} ${each.toFixed(1)} MiB each; start of ${MANY}: ${Math.round(many.startMs)} ms`);
  }

interface Weight {
  readonly mebibytes: number;
  readonly startMs: number;
}

/** In a process of its own: an allocator keeps what earlier threads gave back. */
function weighed(name: string, size: number): Weight {
  return JSON.parse(
    execFileSync(process.execPath, [file as string, name, String(size)], { encoding: "utf8" }),
  ) as Weight;
}

async function weigh(pool: Pool): Promise<Weight> {
  const startedAt = performance.now();
  await pool.start(poolContext);
  const startMs = performance.now() - startedAt;
  await drainPool(pool, pool.capacity);
  const mebibytes = pssOfTree(process.pid);
  await pool.close();
  return { mebibytes, startMs };
}

function pssOfTree(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const own = Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1]) / 1_024;
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim().split(" ").filter(Boolean),
  );
  return own + children.reduce((sum, child) => sum + pssOfTree(Number(child)), 0);
}
