/** How a worker ends, whoever asks for it: a signal, a command, an empty queue, an error. */

import type { StopReport, Worker } from "@lovage/core/engine";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { formatMs } from "../output/format.ts";
import type { Log } from "../output/log.ts";
import { dumpTasks } from "./dump.ts";
import { handleSignals, type StopSignal } from "./signals.ts";

/** Beyond the grace time: killing, giving back and closing have deadlines of their own, which sum to less. */
const STOP_MARGIN_MS = 20_000;

/**
 * States: starting → running → stopping → ended. A stop asked while starting cancels the start. Each further ask while stopping gives
 * back at once; the last state is reached once.
 */
export class Lifetime {
  readonly #worker: Worker;
  readonly #log: Log;
  readonly #graceMs: number;
  readonly #stopAsked = new AbortController();
  readonly #ended = Promise.withResolvers<ExitCode>();
  readonly #release: (() => void)[] = [];
  #state: "starting" | "running" | "stopping" | "ended" = "starting";
  #impatient: StopSignal | undefined;
  #failed = false;

  constructor(worker: Worker, log: Log, graceMs: number) {
    this.#worker = worker;
    this.#log = log;
    this.#graceMs = graceMs;
  }

  /** Aborted when a stop was asked: a start is given up, and nothing else asks again. */
  get stopAsked(): AbortSignal {
    return this.#stopAsked.signal;
  }

  /** Resolves with the exit code when nothing of the worker runs any more. */
  get ended(): Promise<ExitCode> {
    return this.#ended.promise;
  }

  /** Listens to signals, to errors that nobody caught, and to the worker itself, until {@link release}. */
  watch(): void {
    const fail = (error: unknown): void => this.fail(error);
    process.on("uncaughtException", fail);
    process.on("unhandledRejection", fail);
    this.#release.push(
      () => process.off("uncaughtException", fail),
      () => process.off("unhandledRejection", fail),
      this.#worker.onEvent(
        (event) => {
          // Stopped by a command over the control channel. A start that failed stops as well, and is told by its own error.
          if (event.type === "worker-state-changed" && event.state === "stopped" && this.#state === "running")
            this.stop();
        },
        { routine: false },
      ),
      handleSignals({
        drain: (signal) => {
          const grace = formatMs(this.#graceMs);
          this.#log.write(
            "info",
            `${signal}: running tasks may finish within ${grace}; once more gives them back at once`,
          );
          this.stop();
        },
        giveBack: (signal) => {
          this.#log.write("warn", `${signal}: running tasks are given back at once`);
          if (signal !== "SIGQUIT") this.#impatient = signal;
          this.stop(0);
        },
        exit: (signal) => {
          this.#log.write("error", `${signal}: ending now; what was running is redelivered when its leases lapse`);
          this.#exit(signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated);
        },
        quiet: () => this.#worker.quiet(),
        unquiet: () => this.#worker.unquiet(),
        dump: () => dumpTasks(this.#worker, this.#log),
      }),
    );
  }

  release(): void {
    for (const release of this.#release.splice(0)) release();
  }

  /** The worker is ready. False when a stop was asked meanwhile. */
  begin(): boolean {
    if (this.#state !== "starting") return false;
    this.#state = "running";
    return true;
  }

  stop(graceMs?: number): void {
    if (this.#state === "ended") return;
    if (this.#state !== "stopping") this.#guard();
    this.#state = "stopping";
    this.#stopAsked.abort(new Error("stopped while starting"));
    this.#worker.stop(graceMs === undefined ? {} : { graceMs }).then(
      (report) => this.#end(report),
      (error: unknown) => this.fail(error),
    );
  }

  /** Something that should not happen did: what runs is given back, and the exit code says so. */
  fail(error: unknown): void {
    const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
    this.#log.write("error", `uncaught error in the worker: ${message}; what runs is given back`, {
      ...(stack === undefined ? {} : { stack }),
    });
    if (this.#failed) return;
    this.#failed = true;
    this.stop(0);
  }

  #end(report: StopReport): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#log.write("info", "worker stopped", { ...report });
    this.#ended.resolve(this.#exitCode(report));
  }

  #exitCode(report: StopReport): ExitCode {
    if (this.#failed) return EXIT.internal;
    if (this.#impatient !== undefined) return this.#impatient === "SIGINT" ? EXIT.interrupted : EXIT.terminated;
    return report.givenBack > 0 ? EXIT.givenBack : EXIT.ok;
  }

  /** Stopping has deadlines everywhere. When it takes longer than all of them something hangs, and leases must not be kept alive by it. */
  #guard(): void {
    setTimeout(() => {
      this.#log.write(
        "error",
        "the worker did not stop in time; ending it, what it held is redelivered when its leases lapse",
      );
      this.#exit(EXIT.internal);
    }, this.#graceMs + STOP_MARGIN_MS).unref();
  }

  #exit(code: ExitCode): never {
    this.#log.flush();
    process.exit(code);
  }
}
