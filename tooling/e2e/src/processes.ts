/** Real `lovage` processes for tests: started here, watched line by line, stopped here by process id. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const BIN = fileURLToPath(new URL("../../../apps/worker/bin/lovage.js", import.meta.url));

export interface LogLine {
  readonly at: number;
  readonly text: string;
  /** The line as JSON, where it is. */
  readonly json: Readonly<Record<string, unknown>> | undefined;
}

export class LovageProcess {
  readonly child: ChildProcess;
  readonly lines: LogLine[] = [];
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null; at: number }>;
  #wake: (() => void)[] = [];
  #ended = false;

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, [BIN, ...args], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (text) => {
        this.lines.push({ at: Date.now(), text, json: parse(text) });
        for (const wake of this.#wake.splice(0)) wake();
      });
    }
    this.exited = new Promise((resolve) => {
      this.child.on("close", (code, signal) => {
        this.#ended = true;
        resolve({ code, signal, at: Date.now() });
        for (const wake of this.#wake.splice(0)) wake();
      });
    });
  }

  get pid(): number {
    return this.child.pid as number;
  }

  get output(): string {
    return this.lines.map((line) => line.text).join("\n");
  }

  /** The first line, past or future, for which `test` is true. Rejects when the process ends without one. */
  async line(test: (line: LogLine) => boolean, what: string): Promise<LogLine> {
    for (let seen = 0; ; ) {
      for (; seen < this.lines.length; seen++)
        if (test(this.lines[seen] as LogLine)) return this.lines[seen] as LogLine;
      if (this.#ended) throw new Error(`the process ended without ${what}:\n${this.output}`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal);
    await this.exited;
  }
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** A folder, and everything started in it, gone at the end. */
export class Bench implements AsyncDisposable {
  readonly folder: string;
  readonly #processes: LovageProcess[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<Bench> {
    return new Bench(await mkdtemp(join(tmpdir(), "lovage-e2e-")));
  }

  get broker(): string {
    return `sqlite:${join(this.folder, "queue.db")}`;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  start(args: readonly string[], env: Readonly<Record<string, string>> = {}): LovageProcess {
    const started = new LovageProcess(args, { LOVAGE_BROKER: this.broker, ...env });
    this.#processes.push(started);
    return started;
  }

  /** Runs a command to its end. */
  async run(args: readonly string[]): Promise<{ code: number | null; output: string; ms: number }> {
    const began = performance.now();
    const command = this.start(args);
    const { code } = await command.exited;
    return { code, output: command.output, ms: performance.now() - began };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const started of this.#processes) {
      started.child.kill("SIGKILL");
      await started.exited;
    }
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
