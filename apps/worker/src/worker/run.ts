/** A worker as a process: composed, started, watched, stopped; ends in an exit code. */

import { type AppSource, BrokerUnavailableError } from "@lovage/core/contracts";
import type { StopReport, Worker } from "@lovage/core/engine";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { HttpAddress } from "../flags/http-address.ts";
import { formatMs } from "../output/format.ts";
import type { Log } from "../output/log.ts";
import { banner, bannerFields, type Composition, startWarnings } from "./banner.ts";
import { type ComposeOptions, composeWorker } from "./compose.ts";
import { dumpTasks } from "./dump.ts";
import { logWorkerEvent } from "./event-log.ts";
import { handleSignals, type StopSignal } from "./signals.ts";

export interface RunWorkerOptions extends ComposeOptions {
  readonly app: AppSource;
  readonly log: Log;
  readonly http?: HttpAddress;
  /** Stop when every queue of this worker is empty and nothing runs. */
  readonly drain?: boolean;
  /** How long the broker may be out of reach at start, in ms. Default 30,000; 0 waits for ever. */
  readonly connectTimeoutMs?: number;
  /** When the start began, on the clock of `performance.now()`. Default 0: the start of the process. */
  readonly startedAt?: number;
}

const DEFAULT_CONNECT_TIMEOUT_MS = 30_000;
const DEFAULT_GRACE_MS = 25_000;
/** Beyond the grace time: killing, giving back and closing have deadlines of their own, which sum to less. */
const STOP_MARGIN_MS = 20_000;

/** A run ends once, by one of these. */
interface Ending {
  readonly report?: StopReport;
  readonly second?: StopSignal;
  readonly error?: unknown;
}

function exitCodeFor({ report, second }: Ending): ExitCode {
  if (second === "SIGINT") return EXIT.interrupted;
  if (second === "SIGTERM") return EXIT.terminated;
  if (report === undefined) return EXIT.ok;
  return report.givenBack > 0 ? EXIT.givenBack : EXIT.ok;
}

async function startWithin(composition: Composition, options: RunWorkerOptions, cancelled: AbortSignal): Promise<void> {
  const { worker, broker } = composition;
  const timeoutMs = options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
  const timeout = timeoutMs === 0 ? undefined : AbortSignal.timeout(timeoutMs);
  let last: Error | undefined;
  const unlisten = broker.onEvent((event) => {
    if (event.type === "disconnected") last = event.error ?? last;
  });
  try {
    await worker.start({ signal: timeout === undefined ? cancelled : AbortSignal.any([cancelled, timeout]) });
  } catch (error) {
    if (timeout?.aborted !== true || cancelled.aborted) throw error;
    throw new BrokerUnavailableError(
      `${broker.name} at ${broker.address} could not be reached within ${formatMs(timeoutMs)}${last === undefined ? "" : `: ${last.message}`}; ` +
        "check the URL and the server, or wait longer with --connect-timeout",
      { cause: last ?? error },
    );
  } finally {
    unlisten();
  }
}

function announce(composition: Composition, options: RunWorkerOptions): void {
  const readyMs = performance.now() - (options.startedAt ?? 0);
  options.log.text(banner(composition, readyMs));
  if (options.log.format === "json") {
    options.log.write("info", "worker ready", bannerFields(composition, readyMs));
    for (const warning of startWarnings(composition)) options.log.write("warn", warning);
  }
}

/** Ends the process when stopping takes longer than every deadline in it: something in the engine hangs, and leases must not be kept alive by it. */
function guardStop(log: Log, graceMs: number): void {
  setTimeout(() => {
    log.write(
      "error",
      "the worker did not stop in time; ending the process, what it held is redelivered when its leases lapse",
    );
    log.flush();
    process.exit(EXIT.internal);
  }, graceMs + STOP_MARGIN_MS).unref();
}

/**
 * Runs a worker until it is stopped by a signal, by `lovage control shutdown`, or because everything is done (`drain`). Resolves with
 * the exit code once nothing of it runs any more; rejects when it could not start.
 */
export async function runWorker(options: RunWorkerOptions): Promise<ExitCode> {
  const { log } = options;
  const graceMs = options.graceMs ?? DEFAULT_GRACE_MS;
  const composition = await composeWorker(options);
  const { worker } = composition;
  const starting = new AbortController();
  const ended = Promise.withResolvers<Ending>();
  let guarded = false;

  const stop = (to?: { graceMs: number }, second?: StopSignal): void => {
    if (!guarded) guardStop(log, graceMs);
    guarded = true;
    starting.abort(new Error("stopped while starting"));
    worker.stop(to).then(
      (report) => ended.resolve({ report, ...(second === undefined ? {} : { second }) }),
      (error: unknown) => ended.reject(error),
    );
  };

  const unhandle = handleSignals({
    drain: (signal) => {
      log.write(
        "info",
        `${signal}: running tasks may finish within ${formatMs(graceMs)}; once more gives them back at once`,
      );
      stop();
    },
    giveBack: (signal) => {
      log.write("warn", `${signal}: running tasks are given back at once`);
      second = signal === "SIGQUIT" ? undefined : signal;
      stop({ graceMs: 0 }, second);
    },
    exit: (signal) => {
      log.write("error", `${signal}: ending now; what was running is redelivered when its leases lapse`);
      log.flush();
      process.exit(signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated);
    },
    quiet: () => worker.quiet(),
    unquiet: () => worker.unquiet(),
    dump: () => dumpTasks(worker, log),
  });
  let second: StopSignal | undefined;

  const unlisten = worker.onEvent((event) => {
    logWorkerEvent(log, event);
    // Stopped by a command over the control channel.
    if (event.type === "worker-state-changed" && event.state === "stopped" && !guarded) stop();
  });
  const crash = (error: unknown): void => {
    log.write(
      "error",
      `uncaught error in the worker: ${error instanceof Error ? error.message : String(error)}; giving back what runs`,
      {
        ...(error instanceof Error && error.stack !== undefined ? { stack: error.stack } : {}),
      },
    );
    ended.promise.catch(() => undefined);
    failure ??= { error };
    stop({ graceMs: 0 });
  };
  let failure: { readonly error: unknown } | undefined;
  process.on("uncaughtException", crash);
  process.on("unhandledRejection", crash);

  const http = options.http === undefined ? undefined : await openHttp(options.http, composition);
  try {
    if (http !== undefined) log.write("info", `health, readiness and metrics at ${http.url}`);
    const started = await startWithin(composition, options, starting.signal).then(
      () => true,
      (error: unknown) => {
        if (starting.signal.aborted) return false;
        throw error;
      },
    );
    if (started && !starting.signal.aborted) {
      announce(composition, options);
      if (options.drain === true)
        worker.drained({ signal: starting.signal }).then(
          () => stop(),
          (error: unknown) => !starting.signal.aborted && crash(error),
        );
    }
    const ending = await ended.promise;
    if (failure !== undefined) return EXIT.internal;
    return exitCodeFor({ ...ending, ...(second === undefined ? {} : { second }) });
  } finally {
    unhandle();
    unlisten();
    process.off("uncaughtException", crash);
    process.off("unhandledRejection", crash);
    await http?.close();
    log.flush();
  }
}

/** The metrics library is loaded beside the start, so that readiness does not wait for it. */
async function openHttp(address: HttpAddress, { worker, broker, plan }: Composition): Promise<HttpDoor> {
  const { serveHttp } = await import("../http/server.ts");
  const metrics = loadMetrics(
    worker,
    broker,
    plan.queues.map((queue) => queue.name),
  );
  const server = await serveHttp(address, { worker, metrics });
  const close = async (): Promise<void> => {
    await server.close();
    (await metrics).close();
  };
  return { url: server.url, close };
}

interface HttpDoor {
  readonly url: string;
  close(): Promise<void>;
}

async function loadMetrics(worker: Worker, broker: Composition["broker"], queues: readonly string[]) {
  const [{ createMetrics }, { DepthSampler }] = await Promise.all([
    import("../http/metrics.ts"),
    import("../http/depth-sampler.ts"),
  ]);
  return createMetrics(worker, new DepthSampler(broker, queues));
}
