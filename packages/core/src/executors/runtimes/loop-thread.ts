/** Executors as worker threads with a loop of their own: what the event and solo pools run on. */

import { Worker } from "node:worker_threads";
import type { DownMessage, UpMessage } from "../protocol.ts";
import type { ExecutorRuntime, SpawnRequest, Unit, UnitEvents } from "../runtime.ts";
import { containHeapExhaustion, YOUNG_GENERATION_MB } from "./heap-exhaustion.ts";
import { followOutput } from "./output-streams.ts";

export interface ThreadOptions {
  /** Limit of the thread's JavaScript heap in MiB; past it the executor crashes and the worker goes on. Default Node's own. */
  readonly maxHeapMb?: number;
  /** Node options of the thread. Default: those of this process. */
  readonly execArgv?: readonly string[];
  /** Default: a copy of this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const ENTRY = new URL(`./thread-entry${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

export function loopThreadRuntime(options: ThreadOptions = {}): ExecutorRuntime {
  return { sharesMemory: true, spawn: (request, events) => new LoopThread(options, request, events) };
}

class LoopThread implements Unit {
  readonly threadId: number;
  readonly #worker: Worker;
  #ended = false;

  constructor(options: ThreadOptions, { init }: SpawnRequest, events: UnitEvents) {
    const worker = new Worker(ENTRY, {
      workerData: init,
      stdout: true,
      stderr: true,
      ...threadOptions(options),
    });
    this.#worker = worker;
    this.threadId = worker.threadId;
    const outputEnded = followOutput(worker, events);
    let error: unknown;
    worker.on("message", (message: UpMessage) => events.onMessage(message));
    worker.on("error", (thrown) => {
      error = thrown;
    });
    worker.on("exit", async (exitCode) => {
      this.#ended = true;
      await outputEnded();
      events.onExit(error === undefined ? { exitCode } : { exitCode, error });
    });
  }

  post(message: DownMessage): void {
    if (!this.#ended) this.#worker.postMessage(message);
  }

  kill(): void {
    void this.#worker.terminate();
  }
}

export function threadOptions(options: ThreadOptions): {
  resourceLimits?: { maxOldGenerationSizeMb: number; maxYoungGenerationSizeMb: number };
  execArgv?: string[];
  env?: NodeJS.ProcessEnv;
} {
  containHeapExhaustion();
  return {
    ...(options.maxHeapMb === undefined
      ? {}
      : {
          resourceLimits: { maxOldGenerationSizeMb: options.maxHeapMb, maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
        }),
    ...(options.execArgv === undefined ? {} : { execArgv: [...options.execArgv] }),
    ...(options.env === undefined ? {} : { env: { ...options.env } as NodeJS.ProcessEnv }),
  };
}
