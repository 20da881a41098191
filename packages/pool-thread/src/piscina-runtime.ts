/**
 * One single-threaded Piscina per executor, so that each can be killed, recycled and replaced alone and no queue ever forms in it.
 * `atomics: "disabled"`, because the default freezes an idle thread's loop: no pulse, no timers, no onExecutorStop.
 *
 * Runs and their outcomes are Piscina tasks and results. Everything else (aborts, progress, logs, requests) has a port beside it; a
 * result says how many messages went that way before it, and those are read first.
 */

import { fileURLToPath } from "node:url";
import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from "node:worker_threads";
import {
  type Down,
  type ExecutorRuntime,
  followOutput,
  type SpawnRequest,
  type ThreadOptions,
  threadOptions,
  type Unit,
  type UnitEvents,
  type Up,
} from "@lovage/core/executors";
import { Piscina } from "piscina";
import type { RunResult } from "./thread-entry.ts";

const ENTRY = fileURLToPath(
  new URL(`./thread-entry${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url),
);

export function piscinaRuntime(options: ThreadOptions): ExecutorRuntime {
  return { sharesMemory: true, spawn: (request, events) => new PiscinaUnit(options, request, events) };
}

class PiscinaUnit implements Unit {
  readonly threadId: number;
  readonly #piscina: Piscina;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #events: UnitEvents;
  #beside = 0;
  #ended = false;
  #error: unknown;

  constructor(options: ThreadOptions, { init }: SpawnRequest, events: UnitEvents) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#events = events;
    this.#piscina = new Piscina({
      filename: ENTRY,
      // None is kept, so Piscina starts no thread in place of one that has ended: that is the runner's decision.
      minThreads: 0,
      maxThreads: 1,
      concurrentTasksPerWorker: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      atomics: "disabled",
      recordTiming: false,
      workerData: init,
      ...threadOptions(options),
    });
    this.#piscina.on("error", (error) => {
      this.#error = error;
    });
    this.#piscina.run(port2, { name: "serve", transferList: [port2] }).catch((error) => {
      this.#error ??= error;
    });
    this.#worker = this.#piscina.threads[0] as Worker;
    this.threadId = this.#worker.threadId;
    this.#worker.stdout.unpipe(process.stdout);
    this.#worker.stderr.unpipe(process.stderr);
    const outputEnded = followOutput(this.#worker, events);
    this.#worker.on("error", (error) => {
      this.#error = error;
    });
    this.#worker.on("exit", async (exitCode) => {
      this.#ended = true;
      this.#readBeside();
      this.#port.close();
      await outputEnded();
      await this.#piscina.destroy();
      events.onExit(this.#error === undefined ? { exitCode } : { exitCode, error: this.#error });
    });
    port1.on("message", (message: Up) => this.#heard(message));
  }

  post(message: Down): void {
    if (this.#ended) return;
    if (message.runs === undefined) this.#port.postMessage(message);
    else this.#piscina.run(message).then(this.#returned, ignored);
  }

  kill(): void {
    void this.#worker.terminate();
  }

  readonly #returned = ({ up, beside }: RunResult): void => {
    if (beside > this.#beside) this.#readBeside();
    this.#events.onMessage(up);
  };

  #heard(message: Up): void {
    this.#beside++;
    this.#events.onMessage(message);
  }

  #readBeside(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#port);
      if (received === undefined) return;
      this.#heard(received.message as Up);
    }
  }
}

/** A run whose thread ended: the exit says it for all that were aboard. */
function ignored(): void {}
