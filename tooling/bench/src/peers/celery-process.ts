/** Celery's processes: a worker under measurement, and producers, each with a folder of its own. Stopped by their ids. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { providePython } from "@lovage/services";
import type { BenchPlace } from "../measure/bench-place.ts";
import { combine, type Marks } from "../measure/marks.ts";
import { treeCpuMs, treeOf, treePss } from "../measure/process-tree.ts";

const SCRIPTS = fileURLToPath(new URL("../../src/peers/celery", import.meta.url));
const MODULES = { celery: "python3-celery", redis: "python3-redis" };
const ASK_EVERY_MS = 20;
const START_DEADLINE_MS = 60_000;
const STALLED_MS = 30_000;
const STOP_MS = 15_000;

export interface CeleryPool {
  readonly pool: "solo" | "threads" | "prefork";
  readonly concurrency: number;
  /** Messages that it holds for each of these. */
  readonly prefetch: number;
}

/** Rejects, with what a person can do, where there is no Celery and it cannot be installed. */
function celeryPython(): Promise<string> {
  return providePython(MODULES);
}

export async function celeryVersion(): Promise<string> {
  const { stdout } = await promisify(execFile)(await celeryPython(), [
    "-c",
    "import celery; print(celery.__version__)",
  ]);
  return stdout.trim();
}

function environment({ brokerUrl, folder }: BenchPlace, more: Record<string, string> = {}): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PYTHONPATH: SCRIPTS,
    PYTHONDONTWRITEBYTECODE: "1",
    BENCH_BROKER: brokerUrl,
    BENCH_FOLDER: folder.path,
    ...more,
  };
}

/** Runs `produce.py`; resolves with the ms that storing took. `each`: called before each message of `arrive`. */
export async function produce(
  place: BenchPlace,
  args: readonly (string | number)[],
  each?: () => number,
): Promise<number> {
  const child = spawn(await celeryPython(), [join(SCRIPTS, "produce.py"), ...args.map(String)], {
    cwd: place.folder.path,
    env: environment(place),
    stdio: ["pipe", "pipe", "inherit"],
  });
  const output = child.stdout.toArray();
  const exited = once(child, "exit");
  if (each !== undefined) {
    for (let left = Number(args[1]); left > 0 && child.exitCode === null; left -= 1) {
      child.stdin.write("\n");
      await sleep(each());
    }
  }
  child.stdin.end();
  const [code, signal] = await exited;
  if (code !== 0) throw new Error(`Celery's producer ended with ${code ?? signal}`);
  return Number((await output).join(""));
}

export class CeleryWorker implements AsyncDisposable {
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #spawnedAt = performance.now();
  #output = "";
  #readyMs = Number.NaN;
  #readyCpuMs = 0;

  private constructor(python: string, place: BenchPlace, { pool, concurrency, prefetch }: CeleryPool) {
    this.#folder = place.folder.path;
    const quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR"];
    const flags = ["-A", "bench_celery", "worker", "--pool", pool, "--concurrency", String(concurrency), ...quiet];
    this.#child = spawn(python, ["-m", "celery", ...flags], {
      cwd: this.#folder,
      env: environment(place, { BENCH_PREFETCH: String(prefetch) }),
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output = (this.#output + text).slice(-4_000);
      });
    }
    this.#exited = once(this.#child, "exit");
    process.once("exit", this.#kill);
  }

  /** Resolves when the worker says that it is ready; it has begun with what waits. */
  static async start(place: BenchPlace, pool: CeleryPool): Promise<CeleryWorker> {
    const worker = new CeleryWorker(await celeryPython(), place, pool);
    try {
      await worker.#until(() => existsSync(join(worker.#folder, "ready")), START_DEADLINE_MS);
      worker.#readyMs = performance.now() - worker.#spawnedAt;
      worker.#readyCpuMs = Number(readFileSync(join(worker.#folder, "ready"), "utf8"));
      return worker;
    } catch (error) {
      await worker[Symbol.asyncDispose]();
      throw error;
    }
  }

  get readyMs(): number {
    return this.#readyMs;
  }

  /** Processor time since it was ready, by its own clock: it begins with what waits at once. */
  cpuMs(): number {
    return treeCpuMs(this.#child.pid as number) - this.#readyCpuMs;
  }

  pss(): number {
    return treePss(this.#child.pid as number);
  }

  /** Resolves when all its processes have run `count` tasks in all: with the time from the first start to the last end. */
  async ran(count: number): Promise<{ readonly spanMs: number }> {
    let before = 0;
    let since = performance.now();
    for (;;) {
      const marks = this.#marks();
      const { count: now, spanMs } = combine(marks);
      if (now > count) throw new Error(`Celery ran ${now} tasks of ${count}`);
      if (now === count) return { spanMs };
      if (now > before) since = performance.now();
      before = now;
      if (performance.now() - since > STALLED_MS) throw this.#failure(`ran ${now} of ${count} tasks and no more`);
      await this.#alive();
      await sleep(ASK_EVERY_MS);
    }
  }

  /** From the call to the start of each `arrive`, in ms. */
  latencies(): number[] {
    return readFileSync(join(this.#folder, "latencies"), "utf8").trim().split("\n").map(Number);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off("exit", this.#kill);
    this.#child.kill("SIGTERM");
    const firm = setTimeout(this.#kill, STOP_MS);
    await this.#exited;
    clearTimeout(firm);
  }

  /** What it has forked does not end with it. */
  readonly #kill = (): void => {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    for (const pid of treeOf(this.#child.pid as number).reverse()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended.
      }
    }
  };

  /** As `bench_celery.py` lays them out. */
  #marks(): Pick<Marks, "count" | "firstStartedAt" | "lastFinishedAt">[] {
    return readdirSync(this.#folder)
      .filter((file) => file.endsWith(".marks"))
      .map((file) => readFileSync(join(this.#folder, file)))
      .filter((bytes) => bytes.length === 24 && bytes.readBigInt64LE(0) > 0n)
      .map((bytes) => ({
        count: Number(bytes.readBigInt64LE(0)),
        firstStartedAt: bytes.readDoubleLE(8),
        lastFinishedAt: bytes.readDoubleLE(16),
      }));
  }

  async #until(condition: () => boolean, ms: number): Promise<void> {
    const deadline = performance.now() + ms;
    while (!condition()) {
      await this.#alive();
      if (performance.now() > deadline) throw this.#failure(`was not ready within ${ms} ms`);
      await sleep(ASK_EVERY_MS);
    }
  }

  async #alive(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) throw this.#failure(`ended with ${exitCode ?? signalCode}`);
  }

  #failure(what: string): Error {
    return new Error(`Celery's worker ${what}; it printed:\n${this.#output}`);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
