/** The worker: the real `lovage worker` command in a process of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { endChild } from "./child.ts";

const START_DEADLINE_MS = 30_000;
const GRACE_MS = 10_000;

/** This app as the worker is given it: beside this file, built or not. */
const APP = fileURLToPath(import.meta.url).replace(/worker-process(\.[jt]s)$/, "app$1");

export interface WorkerProcess extends AsyncDisposable {
  readonly pid: number;
}

/** Resolves when the worker is ready. Rejects with what it printed when it ends before that. */
export async function startWorker(broker: string, pools: readonly string[]): Promise<WorkerProcess> {
  const flags = ["--broker", broker, "--log", "json", ...pools.flatMap((pool) => ["--pool", pool])];
  const child = spawn(process.execPath, [commandFile(), "worker", APP, ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: "1" }, // it would stay in the system's temporary folder
  });
  try {
    await ready(child);
  } catch (error) {
    await endChild(child, 0);
    throw error;
  }
  return { pid: child.pid as number, [Symbol.asyncDispose]: () => endChild(child, GRACE_MS) };
}

/** The file that the package `lovage` names as its command. */
function commandFile(): string {
  const manifest = new URL(import.meta.resolve("lovage/package.json"));
  const { bin } = JSON.parse(readFileSync(manifest, "utf8")) as { bin: { lovage: string } };
  return fileURLToPath(new URL(bin.lovage, manifest));
}

/** Its log is one JSON object a line; the one that says "worker ready" is waited for, and warnings are passed on. */
function ready(child: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const printed: string[] = [];
  const fail = (what: string) => reject(new Error(`the worker ${what}; it printed:\n${printed.join("\n")}`));
  const late = setTimeout(() => fail("was not ready in time"), START_DEADLINE_MS);
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on("line", (line) => {
      if (printed.push(line) > 20) printed.shift();
      if (line.includes('"message":"worker ready"')) resolve();
      else if (line.includes('"level":"error"')) process.stderr.write(`${line}\n`);
    });
  }
  child.once("error", reject);
  child.once("exit", (code, signal) => fail(`ended with ${code ?? signal}`));
  return promise.finally(() => clearTimeout(late));
}
