import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LovageProcess } from "./lovage-process.ts";

/** A folder, and everything started in it, gone at the end. */
export class Bench implements AsyncDisposable {
  readonly folder: string;
  /** What commands are given for a broker. */
  readonly broker: string;
  readonly #processes: LovageProcess[] = [];

  private constructor(folder: string, broker: string) {
    this.folder = folder;
    this.broker = broker;
  }

  /** `broker`: a URL; default is a SQLite file in the folder. */
  static async open(broker?: string): Promise<Bench> {
    const folder = await mkdtemp(join(tmpdir(), "lovage-e2e-"));
    return new Bench(folder, broker ?? `sqlite:${join(folder, "queue.db")}`);
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
