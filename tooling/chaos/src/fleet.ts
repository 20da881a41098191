/** The workers and producers of a run: real processes, each in a slot, started again after a fault. Everything they do is in the ledger. */

import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { LovageProcess, WatchedProcess } from "@lovage/processes";
import { environmentOf, type Surroundings } from "./environment.ts";
import type { LedgerWriter } from "./ledger.ts";

const APP = fileURLToPath(new URL("./app.ts", import.meta.url));
const PRODUCER = fileURLToPath(new URL("./producer.ts", import.meta.url));
/** Beyond its grace a worker closes pools and broker; with every deadline used up that takes this long. */
const CLOSES_WITHIN_MS = 20_000;

export interface FleetOptions extends Surroundings {
  readonly folder: string;
  readonly url: string;
  readonly graceMs: number;
  readonly writer: LedgerWriter;
}

interface Slot {
  process: WatchedProcess;
}

export class Fleet implements AsyncDisposable {
  readonly #options: FleetOptions;
  readonly #workers: Slot[] = [];
  readonly #producers: { slot: Slot; args: readonly string[]; ended: Promise<void> }[] = [];
  readonly #started: WatchedProcess[] = [];
  readonly #readings: Promise<unknown>[] = [];
  #disposed = false;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Resolves when it takes work; rejects when it ends before. */
  async startWorker(slot: number): Promise<void> {
    const { url, graceMs, writer } = this.#options;
    const args = ["worker", APP, "--broker", url, "--grace", `${graceMs}ms`, "--log", "json"];
    const worker = this.#start(`worker-${slot}`, new LovageProcess(args, environmentOf(this.#options)));
    const { pid } = worker;
    this.#workers[slot] = { process: worker };
    writer.append({ e: "worker", at: Date.now(), slot, pid, what: "started" });
    this.#readings.push(
      worker.died.then(({ at, code, signal }) =>
        writer.append({ e: "worker", at, slot, pid, what: "ended", code, signal }),
      ),
    );
    const { at } = await worker.line(({ json }) => json?.message === "worker ready", "being ready");
    writer.append({ e: "worker", at, slot, pid, what: "ready" });
  }

  startProducer(slot: number, args: readonly string[]): void {
    const process = this.#start(
      `producer-${slot}`,
      new WatchedProcess([PRODUCER, ...args], environmentOf(this.#options)),
    );
    const held = this.#producers[slot];
    const ended = process.died.then(({ code, signal }) => {
      if (code === 0 || signal === "SIGKILL") return;
      const what = `producer ${slot} ended with ${signal ?? `exit code ${code}`}: ${process.output.slice(-2_000)}`;
      this.#options.writer.append({ e: "trouble", at: Date.now(), what });
    });
    if (held === undefined) this.#producers[slot] = { slot: { process }, args, ended };
    else Object.assign(held, { slot: { process }, ended });
  }

  /** The same producer again: it goes on where the ledger ends. */
  restartProducer(slot: number): void {
    this.startProducer(slot, this.#producers[slot]?.args ?? []);
  }

  worker(slot: number): WatchedProcess | undefined {
    return this.#workers[slot]?.process;
  }

  producer(slot: number): WatchedProcess | undefined {
    return this.#producers[slot]?.slot.process;
  }

  /** Resolves when no producer runs any more. One that is to be started again must have been. */
  async produced(): Promise<void> {
    await Promise.all(this.#producers.map(({ ended }) => ended));
  }

  /** SIGTERM, and SIGKILL to one that does not end in time. */
  async end(slot: number): Promise<void> {
    const worker = this.#workers[slot]?.process;
    if (worker === undefined || worker.ended) return;
    worker.child.kill("SIGTERM");
    const bound = new AbortController();
    const hung = await Promise.race([
      worker.died.then(() => false),
      pause(this.#options.graceMs + CLOSES_WITHIN_MS, true, { signal: bound.signal }),
    ]).finally(() => bound.abort());
    if (!hung) return;
    this.#options.writer.append({ e: "worker", at: Date.now(), slot, pid: worker.pid, what: "hung" });
    worker.child.kill("SIGKILL");
    await worker.died;
  }

  async endWorkers(): Promise<void> {
    this.#options.writer.append({ e: "stopping", at: Date.now() });
    await Promise.all(this.#workers.map((_, slot) => this.end(slot)));
  }

  /** Lines that workers logged about errors inside the engine. */
  internalErrors(): string[] {
    return this.#started.flatMap(({ lines }) =>
      lines.filter(({ text }) => text.includes("internal error in")).map(({ text }) => text),
    );
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    for (const process of this.#started) process.child.kill("SIGKILL");
    await Promise.all(this.#started.map(({ died }) => died));
    await Promise.all(this.#readings);
  }

  #start<P extends WatchedProcess>(name: string, process: P): P {
    this.#started.push(process);
    const log = join(this.#options.folder, `${name}-${process.pid}.log`);
    this.#readings.push(process.died.then(() => appendFile(log, `${process.output}\n`)));
    return process;
  }
}
