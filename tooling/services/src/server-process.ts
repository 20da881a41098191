/** A server as a child process of ours: started until it is ready, struck by signals, stopped by its process id. */

import { type ChildProcess, spawn } from "node:child_process";
import { access } from "node:fs/promises";

export interface ServerCommand {
  readonly path: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Asked again and again until it resolves with true: the server answers. */
  ready(): Promise<boolean>;
  /** How long a start may take, in ms. */
  readonly startMs: number;
  /** How long a polite stop may take before it is killed, in ms. */
  readonly stopMs: number;
}

const ASK_EVERY_MS = 20;
const KEPT_OUTPUT = 20_000;
const SETPRIV = "/usr/bin/setpriv";

/** stopped → (start) running → (stop, kill, own death) stopped. It can be started again on the same port with what it had stored. */
export class ServerProcess {
  readonly #command: ServerCommand;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #output = "";

  constructor(command: ServerCommand) {
    this.#command = command;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.#command.path} is not running`);
    return pid;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  /** The last of what it printed. */
  get output(): string {
    return this.#output;
  }

  /** Resolves when the server answers. Rejects with its output when it ends before that or takes too long. */
  async start(): Promise<void> {
    if (this.#child !== undefined) return;
    const { path, args, cwd, env, ready, startMs } = this.#command;
    const [file, allArgs] = await diesWithUs(path, args);
    this.#output = "";
    const child = spawn(file, allArgs, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.#output = (this.#output + text).slice(-KEPT_OUTPUT);
      });
    }
    this.#ended = new Promise((resolve) => {
      const end = (): void => {
        if (this.#child === child) this.#child = undefined;
        resolve();
      };
      child.once("exit", end);
      child.once("error", (error) => {
        this.#output += error.message;
        end();
      });
    });
    const deadline = Date.now() + startMs;
    while (!(await ready().catch(() => false))) {
      if (this.#child !== child) throw new Error(`${path} ended while starting:\n${this.#output}`);
      if (Date.now() > deadline) {
        await this.kill();
        throw new Error(`${path} did not answer within ${startMs} ms:\n${this.#output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    }
  }

  /** As an operator would; killed when that takes too long. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    child.kill("SIGCONT");
    child.kill("SIGTERM");
    const firm = setTimeout(() => child.kill("SIGKILL"), this.#command.stopMs);
    await this.#ended;
    clearTimeout(firm);
  }

  /** As a crash would. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#ended;
  }

  /** Killed hard, and started again with what it had stored. */
  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Stands still, its connections open, until the function it gives is called. */
  freeze(): () => void {
    const child = this.#child;
    child?.kill("SIGSTOP");
    return () => void child?.kill("SIGCONT");
  }
}

/** Where the system can do it, a server dies with a test process that is killed and can stop nothing any more. */
async function diesWithUs(path: string, args: readonly string[]): Promise<[string, string[]]> {
  try {
    await access(SETPRIV);
    return [SETPRIV, ["--pdeathsig", "KILL", path, ...args]];
  } catch {
    return [path, [...args]];
  }
}
