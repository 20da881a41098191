/** A child process whose output is read line by line. */

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface LogLine {
  readonly at: number;
  readonly text: string;
  /** The line as JSON, where it is. */
  readonly json: Readonly<Record<string, unknown>> | undefined;
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly at: number;
}

/** A script run by this Node. Whoever starts one ends it. */
export class WatchedProcess {
  readonly child: ChildProcess;
  readonly lines: LogLine[] = [];
  /** Resolves when the process itself is gone. Children that it left may still hold its output open. */
  readonly died: Promise<Ending>;
  /** Resolves when it has ended and all of its output was read. */
  readonly exited: Promise<Ending>;
  #wake: (() => void)[] = [];
  #ended = false;

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, args, {
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
    this.died = new Promise((resolve) => {
      this.child.on("exit", (code, signal) => resolve({ code, signal, at: Date.now() }));
    });
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

  get ended(): boolean {
    return this.#ended;
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
