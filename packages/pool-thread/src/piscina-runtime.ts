/**
 * One single-threaded Piscina per executor, so that each can be killed, recycled and replaced alone. The executor's whole service is
 * one Piscina task, and runs travel on a port of their own: a run as a Piscina task would cost 25 µs more, half as much again.
 * `atomics: "disabled"`, because the default freezes a thread's loop between tasks.
 */

import { fileURLToPath } from "node:url";
import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from "node:worker_threads";
import {
  type DownMessage,
  type ExecutorRuntime,
  followOutput,
  type SpawnRequest,
  type ThreadOptions,
  threadOptions,
  type Unit,
  type UnitEvents,
  type UpMessage,
} from "@lovage/core/executors";
import { Piscina } from "piscina";

const ENTRY = fileURLToPath(
  new URL(`./thread-entry${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url),
);

export function piscinaRuntime(options: ThreadOptions): ExecutorRuntime {
  return { sharesMemory: true, spawn: (request, events) => new PiscinaUnit(options, request, events) };
}

class PiscinaUnit implements Unit {
  readonly threadId: number;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  #ended = false;

  constructor(options: ThreadOptions, { init }: SpawnRequest, events: UnitEvents) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.on("message", (message: UpMessage) => events.onMessage(message));
    const piscina = new Piscina({
      filename: ENTRY,
      // None is kept, so Piscina starts no thread in place of one that has ended: that is the runner's decision.
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      atomics: "disabled",
      recordTiming: false,
      workerData: init,
      ...threadOptions(options),
    });
    let error: unknown;
    const note = (thrown: unknown): void => {
      error = thrown;
    };
    piscina.on("error", note);
    // Rejects when the thread ends, which its exit tells better.
    piscina.run(port2, { transferList: [port2] }).catch(() => {});
    const worker = piscina.threads[0] as Worker;
    this.#worker = worker;
    this.threadId = worker.threadId;
    worker.on("error", note);
    worker.stdout.unpipe(process.stdout);
    worker.stderr.unpipe(process.stderr);
    const outputEnded = followOutput(worker, events);
    worker.on("exit", async (exitCode) => {
      this.#ended = true;
      // What it posted last may still lie in the port; a port that never reached its thread would not close by itself.
      for (let last = receiveMessageOnPort(port1); last !== undefined; last = receiveMessageOnPort(port1))
        events.onMessage(last.message as UpMessage);
      port1.close();
      await Promise.all([outputEnded(), piscina.destroy()]);
      events.onExit(error === undefined ? { exitCode } : { exitCode, error });
    });
  }

  post(message: DownMessage): void {
    if (!this.#ended) this.#port.postMessage(message);
  }

  kill(): void {
    void this.#worker.terminate();
  }
}
