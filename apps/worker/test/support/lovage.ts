/** Runs the real binary, as a user would: a process with a command line, an environment and a folder. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

export const BIN: string = path.resolve(import.meta.dirname, "../../bin/lovage.js");
export const APPS = path.resolve(import.meta.dirname, "../apps");
export const APP = path.join(APPS, "basic.ts");

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly pid: number;
  /** Every line of stdout so far. */
  readonly lines: readonly string[];
  readonly stderr: () => string;
  /** The first line, past or future, that matches; rejects with everything printed when the process ends without it. */
  line(match: RegExp | ((line: string) => boolean)): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
}

/** A folder of its own for one test file, and what was started in it. */
export class Workplace {
  readonly folder: string = mkdtempSync(path.join(tmpdir(), "lovage-command-"));
  readonly #running = new Set<ChildProcess>();
  readonly #env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv = {}) {
    const { LOVAGE_BROKER: _, LOVAGE_RESULTS: __, FORCE_COLOR: ___, ...outer } = process.env;
    this.#env = { ...outer, NO_COLOR: "1", ...env };
  }

  start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
    const child = spawn(process.execPath, [BIN, ...args], {
      cwd: this.folder,
      env: { ...this.#env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#running.add(child);
    const lines: string[] = [];
    const waiting = new Set<(line: string | undefined) => void>();
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const reader = createInterface({ input: child.stdout });
    reader.on("line", (line) => {
      lines.push(line);
      for (const wake of waiting) wake(line);
    });
    const ended = Promise.all([once(child, "close"), once(reader, "close")]).then(([[code, signal]]): Ended => {
      this.#running.delete(child);
      for (const wake of waiting) wake(undefined);
      return { code: code as number | null, signal: signal as NodeJS.Signals | null, stdout: lines.join("\n"), stderr };
    });
    return {
      pid: child.pid as number,
      lines,
      stderr: () => stderr,
      ended,
      kill: (signal) => {
        child.kill(signal);
      },
      line(match) {
        const fits = typeof match === "function" ? match : (line: string): boolean => match.test(line);
        const seen = lines.find(fits);
        if (seen !== undefined) return Promise.resolve(seen);
        return new Promise((resolve, reject) => {
          const wake = (line: string | undefined): void => {
            if (line !== undefined && !fits(line)) return;
            waiting.delete(wake);
            if (line !== undefined) resolve(line);
            else reject(new Error(`it ended without ${String(match)}:\n${lines.join("\n")}\n${stderr}`));
          };
          waiting.add(wake);
        });
      },
    };
  }

  /** Runs to the end. */
  run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return this.start(args, env).ended;
  }

  /** A worker on this folder's default broker that is ready, logging JSON. */
  async worker(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Running> {
    const worker = this.start(["worker", APP, "--log", "json", ...args], env);
    await worker.line(/"worker ready"/);
    return worker;
  }

  /** Ends what still runs, by its own id, and removes the folder. */
  async close(): Promise<void> {
    const ends = [...this.#running].map(async (child) => {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    });
    await Promise.all(ends);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A line of the JSON log as data. */
export function logged(line: string): Record<string, unknown> {
  return JSON.parse(line) as Record<string, unknown>;
}
