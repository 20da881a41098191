/**
 * What runs inside an executor: imports the app module, runs what it is told, and says how that ended. The same code in a thread, in
 * a child process and inline; only the link differs. Imports nothing of the engine: it is loaded once per executor.
 */

import { enableCompileCache, flushCompileCache } from "node:module";
import { loadApp } from "../../app/load-app.ts";
import { runTask } from "../../app/run-task.ts";
import { RenewedMap } from "../../collections/renewed-map.ts";
import { errorData } from "../../contracts/errors.ts";
import type { Headers, Payload } from "../../contracts/message.ts";
import type { Outcome, RunRequest } from "../../contracts/pool.ts";
import type { AppDefinition } from "../../contracts/task.ts";
import { type DownMessage, type ExecutorInit, type ExecutorLink, RUN_STRIDE, type RunField } from "../protocol.ts";
import { type Culprit, catchUncaught } from "./blame.ts";
import { ClientLink } from "./client-link.ts";
import { runHook } from "./hooks.ts";
import { Outbox } from "./outbox.ts";
import { RunControl } from "./run-control.ts";

export interface ExecutorHost {
  /** Ends the executor once everything posted has left. */
  end(code: number): void;
  /** Bytes that this executor holds; undefined where they cannot be told from its host's. */
  memory(): number | undefined;
  /** The thread or process is ours alone, so an error that nobody catches is ours to handle. */
  readonly own: boolean;
}

/** Never rejects: what goes wrong is posted. `definition` is given inline; elsewhere the module is imported. */
export async function serveExecutor(
  link: ExecutorLink,
  init: ExecutorInit,
  host: ExecutorHost,
  definition?: AppDefinition,
): Promise<void> {
  const executor = new ServedExecutor(link, init, host);
  await executor.start(definition);
}

class ServedExecutor {
  readonly #link: ExecutorLink;
  readonly #init: ExecutorInit;
  readonly #host: ExecutorHost;
  readonly #outbox: Outbox;
  readonly #client: ClientLink;
  readonly #active = new RenewedMap<number, RunControl>();
  readonly #hooks: Parameters<typeof runTask>[3];
  #app: AppDefinition | undefined;
  #detach: () => void = () => {};
  #pulse: NodeJS.Timeout | undefined;

  constructor(link: ExecutorLink, init: ExecutorInit, host: ExecutorHost) {
    this.#link = link;
    this.#init = init;
    this.#host = host;
    this.#outbox = new Outbox(link, init.shared);
    this.#client = new ClientLink((request) => this.#outbox.request(request));
    this.#hooks = { onProgress: this.#outbox.progress, onLog: this.#outbox.log };
  }

  async start(definition: AppDefinition | undefined): Promise<void> {
    let stage: "load" | "hook" = "load";
    if (this.#host.own) {
      catchUncaught((error, culprit) => this.#uncaught(error, culprit));
      // Node keeps compiled code and stripped types in the temporary folder: an app in TypeScript then costs an executor 12 MiB and
      // 100 ms less, from the second start on. NODE_DISABLE_COMPILE_CACHE=1 turns it off.
      enableCompileCache();
    }
    this.#link.onMessage((message) => this.#receive(message));
    try {
      const { url, exportName, hookTimeoutMs, hookDelayMs } = this.#init;
      const app = definition ?? (await loadApp(url as string, exportName)).definition;
      this.#detach = app.attach(this.#client);
      stage = "hook";
      const hook = app.hooks.onExecutorStart;
      if (hook !== undefined && hookDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, hookDelayMs));
      await runHook("onExecutorStart", hook, hookTimeoutMs);
      this.#app = app;
      this.#outbox.flush({ ready: { tasks: app.tasks.names() }, ...this.#memory() });
      if (this.#host.own) flushCompileCache();
    } catch (error) {
      this.#outbox.flush({ failed: { stage, error: errorData(error) } });
      this.#host.end(1);
    }
  }

  #receive(message: DownMessage): void {
    if (Array.isArray(message)) {
      this.#begin(message);
      return;
    }
    if (message.runs !== undefined) this.#begin(message.runs);
    if (message.aborts !== undefined)
      for (const { run, reason } of message.aborts) this.#active.get(run)?.abort(reason);
    if (message.replies !== undefined) this.#client.receive(message.replies);
    if (message.stop) void this.#stop();
  }

  #begin(runs: readonly RunField[]): void {
    const { board, shared } = this.#init;
    if (board === undefined && shared) this.#link.post({ began: runs[runs.length - RUN_STRIDE] as number });
    for (let at = 0; at < runs.length; at += RUN_STRIDE) {
      const run = runs[at] as number;
      const control = new RunControl(requestAt(runs, at));
      this.#active.set(run, control);
      if (board !== undefined) Atomics.store(board, 0, run);
      runTask(this.#app as AppDefinition, control.request, control, this.#hooks).then(
        (outcome) => this.#ended(run, outcome),
        (error) => this.#ended(run, { type: "threw", error: errorData(error) }),
      );
    }
    this.#pulse ??= setInterval(() => this.#beat(), this.#init.pulseMs).unref();
  }

  #ended(run: number, outcome: Outcome): void {
    const control = this.#active.get(run);
    if (control === undefined) return;
    this.#active.delete(run);
    const reason = control.reason;
    this.#outbox.ended(run, outcome.type === "aborted" && reason !== undefined ? { ...outcome, reason } : outcome);
  }

  /** Goes on for one beat after the last run, so that the memory that it left behind is known. */
  #beat(): void {
    this.#outbox.flush({ pulse: true, ...this.#memory() });
    if (this.#active.size > 0) return;
    clearInterval(this.#pulse);
    this.#pulse = undefined;
  }

  #memory(): { memory?: number } {
    const memory = this.#host.memory();
    return memory === undefined ? {} : { memory };
  }

  #uncaught(error: unknown, culprit: Culprit | undefined): void {
    if (culprit === undefined) {
      this.#outbox.flush({ fatal: errorData(error) });
      this.#host.end(1);
      return;
    }
    for (const [run, control] of this.#active) {
      const { id, attempt } = control.request;
      if (id !== culprit.id || attempt !== culprit.attempt) continue;
      this.#ended(run, { type: "threw", error: errorData(error) });
      control.abort("cancelled");
      return;
    }
    this.#logLate(error, culprit);
  }

  /** The run has its outcome already, so nobody else may pay for what it left behind. */
  #logLate(error: unknown, culprit: Culprit): void {
    const { name, message, stack } = errorData(error);
    this.#outbox.log({
      id: culprit.id,
      task: "task" in culprit ? String(culprit.task) : "",
      attempt: culprit.attempt,
      at: Date.now(),
      level: "error",
      message: `uncaught after the task had ended: ${name}: ${message}`,
      ...(stack === undefined ? {} : { fields: { stack } }),
    });
  }

  async #stop(): Promise<void> {
    clearInterval(this.#pulse);
    try {
      await runHook("onExecutorStop", this.#app?.hooks.onExecutorStop, this.#init.hookTimeoutMs);
    } catch (error) {
      this.#outbox.flush({ stopFailed: errorData(error) });
    }
    // Inline, the app goes on after its executor: what it enqueues then must not wait for a port that nobody answers.
    this.#detach();
    this.#host.end(0);
  }
}

function requestAt(runs: readonly RunField[], at: number): RunRequest {
  const deadline = runs[at + 9] as number;
  const request = {
    id: runs[at + 1] as string,
    task: runs[at + 2] as string,
    queue: runs[at + 3] as string,
    headers: JSON.parse(runs[at + 4] as string) as Headers,
    body: runs[at + 5] as Payload,
    attempt: runs[at + 6] as number,
    deliveries: runs[at + 7] as number,
    retriesLeft: runs[at + 8] as number,
  };
  return deadline === 0 ? request : { ...request, deadline };
}
