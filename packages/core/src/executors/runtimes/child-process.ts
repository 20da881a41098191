/** Executors as child processes: the only kind that ends whatever it does. */

import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { DownMessage, UpMessage } from "../protocol.ts";
import type { ExecutorRuntime, SpawnRequest, Unit, UnitEvents, UnitExit } from "../runtime.ts";
import { packDown, unpackUp } from "./json-wire.ts";
import { followOutput } from "./output-streams.ts";
import { dyingWithParent } from "./parent-death.ts";

export interface ChildOptions {
  /** Limit of the child's JavaScript heap in MiB; past it the child aborts, alone. Default Node's own. */
  readonly maxHeapMb?: number;
  /** Node options of the child. Default: those of this process, without the inspector's. */
  readonly execArgv?: readonly string[];
  /** Default: a copy of this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const ENTRY = fileURLToPath(
  new URL(`./child-entry${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url),
);
/** Its port is taken by this process; and `--input-type` is refused beside a file. */
const NOT_INHERITED = /^--(inspect|input-type)/;
const PAGE_BYTES = 4_096;
const OUT_OF_MEMORY = /heap out of memory|Reached heap limit/;

export function childProcessRuntime(options: ChildOptions = {}): ExecutorRuntime {
  return { sharesMemory: false, spawn: (request, events) => new Child(options, request, events) };
}

/** Groups of children that live: ended with this process, however it exits while it can still run code. */
const living = new Set<Child>();
process.on("exit", () => {
  for (const child of living) child.kill();
});

class Child implements Unit {
  readonly pid?: number;
  readonly #process: ChildProcess | undefined;
  #ended = false;

  constructor(options: ChildOptions, { init }: SpawnRequest, events: UnitEvents) {
    let child: ChildProcess;
    try {
      child = fork(ENTRY, [], {
        // A group of its own: the terminal's Ctrl-C does not reach it, and `kill` takes along what the task has started.
        detached: true,
        serialization: "json",
        stdio: ["ignore", "pipe", "pipe", "ipc"],
        ...dyingWithParent(nodeOptions(options)),
        env: { ...(options.env ?? process.env), LOVAGE_EXECUTOR: JSON.stringify(init) } as NodeJS.ProcessEnv,
      });
    } catch (error) {
      queueMicrotask(() => events.onExit({ error }));
      return;
    }
    this.#process = child;
    if (child.pid !== undefined) {
      this.pid = child.pid;
      living.add(this);
    }
    const outputEnded = followOutput(child, events);
    const silent = new Promise<void>((resolve) => child.once("disconnect", resolve));
    let outOfMemory = false;
    let failure: unknown;
    child.stderr?.on("data", (text: string) => {
      outOfMemory ||= OUT_OF_MEMORY.test(text);
    });
    child.on("message", (message) => events.onMessage(unpackUp(message as UpMessage)));
    const exited = async (exit: UnitExit) => {
      if (this.#ended) return;
      this.#ended = true;
      living.delete(this);
      await Promise.all([outputEnded(), Promise.race([silent, outputEnded()])]);
      events.onExit(outOfMemory ? { ...exit, error: outOfHeap() } : exit);
    };
    child.on("error", (error) => {
      failure = error;
      if (child.pid === undefined) void exited({ error });
    });
    child.on("exit", (code, signal) => {
      void exited({
        ...(code === null ? {} : { exitCode: code }),
        ...(signal === null ? {} : { signal }),
        ...(failure === undefined ? {} : { error: failure }),
      });
    });
  }

  post(message: DownMessage): void {
    // A channel that has just closed says so by "error", and by the exit that follows.
    if (this.#process?.connected === true) this.#process.send(packDown(message));
  }

  kill(): void {
    if (this.#ended || this.pid === undefined) return;
    try {
      process.kill(-this.pid, "SIGKILL");
    } catch {
      // No such group: it ended this moment, or it is not the leader yet.
      this.#process?.kill("SIGKILL");
    }
  }

  /** RSS, from the kernel's own page: no thread of libuv's pool, and no answer of the child is needed. */
  sampleMemory(): number | undefined {
    if (process.platform !== "linux" || this.#ended) return undefined;
    try {
      const pages = readFileSync(`/proc/${this.pid}/statm`, "latin1").split(" ")[1];
      return Number(pages) * PAGE_BYTES;
    } catch {
      return undefined;
    }
  }
}

function nodeOptions({ execArgv, maxHeapMb }: ChildOptions): readonly string[] {
  const kept = execArgv ?? process.execArgv.filter((option) => !NOT_INHERITED.test(option));
  return maxHeapMb === undefined ? kept : [...kept, `--max-old-space-size=${maxHeapMb}`];
}

function outOfHeap(): Error {
  return Object.assign(
    new Error(
      "the process ran out of JavaScript heap; the task holds more than fits, or maxHeapMb is too small for it",
    ),
    { name: "OutOfMemoryError", code: "ERR_PROCESS_OUT_OF_MEMORY" },
  );
}
