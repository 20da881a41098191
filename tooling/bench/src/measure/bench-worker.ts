/** A worker under measurement: the real command, in a process of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { BenchPlace } from "./bench-place.ts";
import { MARKS_VARIABLE } from "./marks.ts";
import { treeCpuMs, treePss } from "./process-tree.ts";

const APP = fileURLToPath(new URL("../bench-app.js", import.meta.url));
const START_DEADLINE_MS = 120_000;
const STOP_DEADLINE_MS = 60_000;
/** Exit code of a worker that was stopped with work in its buffer. */
const GAVE_BACK = 75;

export interface WorkerSetup {
  readonly place: BenchPlace;
  /** Flags of `lovage worker` that say which pools there are. */
  readonly pools: readonly string[];
  /** Folder for a processor profile of the worker's engine and executors. */
  readonly cpuProf?: string | undefined;
}

/** What ran is on file in the place's marks once {@link stop} has resolved. */
export class BenchWorker implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #exited: Promise<unknown>;
  readonly #spawnedAt = performance.now();
  #readyMs = Number.NaN;

  private constructor(setup: WorkerSetup) {
    const profile = setup.cpuProf === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${resolve(setup.cpuProf)}`];
    const flags = ["--broker", setup.place.brokerUrl, "--results", "none", "--log", "json", ...setup.pools];
    flags.push("--connect-timeout", "2m"); // hundreds of processes take their time
    this.#child = spawn(process.execPath, [...profile, commandFile(), "worker", APP, ...flags], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, [MARKS_VARIABLE]: setup.place.marks },
    });
    this.#exited = once(this.#child, "exit");
    process.once("exit", this.#kill);
  }

  /** Resolves when the worker says that it is ready; rejects with what it printed when it ends before, or after two minutes. */
  static async start(setup: WorkerSetup): Promise<BenchWorker> {
    const worker = new BenchWorker(setup);
    try {
      await worker.#ready();
      return worker;
    } catch (error) {
      await worker[Symbol.asyncDispose]();
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** From spawning the process to its being ready, in ms. */
  get readyMs(): number {
    return this.#readyMs;
  }

  /** Proportional memory of the process and its children now, in bytes. */
  pss(): number {
    return treePss(this.pid);
  }

  /** Processor time used so far by the process and its children, in ms. */
  cpuMs(): number {
    return treeCpuMs(this.pid);
  }

  /** Asks it to finish. Resolves when it has ended; rejects when it ended otherwise than cleanly, with nothing given back unless that is expected. */
  async stop({ givesBack = false } = {}): Promise<void> {
    const forced = await this.#end();
    const { exitCode, signalCode } = this.#child;
    const clean = exitCode === 0 || (givesBack && exitCode === GAVE_BACK);
    if (forced || !clean) throw this.#failure(`ended with ${exitCode ?? signalCode}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }

  /** Its pool's processes end with it. */
  readonly #kill = (): void => void this.#child.kill("SIGKILL");

  async #end(): Promise<boolean> {
    process.off("exit", this.#kill);
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return false;
    this.#child.kill("SIGTERM");
    let forced = false;
    const force = setTimeout(() => {
      forced = true;
      this.#kill();
    }, STOP_DEADLINE_MS);
    await this.#exited;
    clearTimeout(force);
    return forced;
  }

  async #ready(): Promise<void> {
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
    const deadline = setTimeout(() => reject(this.#failure("was not ready in time")), START_DEADLINE_MS);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        if (this.#lines.push(line) > 50) this.#lines.shift();
        if (!line.includes('"worker ready"')) return;
        this.#readyMs = performance.now() - this.#spawnedAt;
        resolve();
      });
    }
    this.#child.once("exit", (code, signal) =>
      reject(this.#failure(`ended with ${code ?? signal} before it was ready`)),
    );
    try {
      await ready;
    } finally {
      clearTimeout(deadline);
    }
  }

  #failure(what: string): Error {
    return new Error(`the worker ${what}; it printed:\n${this.#lines.join("\n")}`);
  }
}

/** The file that the package `lovage` names as its command. */
function commandFile(): string {
  const manifest = new URL(import.meta.resolve("lovage/package.json"));
  const { bin } = JSON.parse(readFileSync(manifest, "utf8")) as { bin: { lovage: string } };
  return fileURLToPath(new URL(bin.lovage, manifest));
}
