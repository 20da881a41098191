/** A worker as a process: composed, started, watched, stopped; ends in an exit code. */

import { type AppSource, BrokerUnavailableError } from "@lovage/core/contracts";
import type { ExitCode } from "../exit-codes.ts";
import type { HttpAddress } from "../flags/http-address.ts";
import type { Metrics } from "../http/metrics.ts";
import { formatMs } from "../output/format.ts";
import type { Log } from "../output/log.ts";
import { banner, bannerFields, type Composition, startWarnings } from "./banner.ts";
import { type ComposeOptions, composeWorker } from "./compose.ts";
import { logWorkerEvent } from "./event-log.ts";
import { Lifetime } from "./lifetime.ts";

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

/**
 * Runs a worker until it is stopped by a signal, by `lovage control shutdown`, or because everything is done (`drain`). Resolves with
 * the exit code once nothing of it runs any more; rejects when it could not start, and leaves nothing running.
 */
export async function runWorker(options: RunWorkerOptions): Promise<ExitCode> {
  const { log } = options;
  const composition = await composeWorker(options);
  const { worker } = composition;
  log.bind({ worker: worker.identity.id });
  const lifetime = new Lifetime(worker, log, options.graceMs ?? DEFAULT_GRACE_MS);
  const unlisten = worker.onEvent((event) => logWorkerEvent(log, event), { routine: log.enabled("debug") });
  lifetime.watch();
  let http: HttpDoor | undefined;
  try {
    http = options.http === undefined ? undefined : await openHttp(options.http, composition);
    if (http !== undefined) log.write("info", `health, readiness and metrics at ${http.url}`);
    await startWithin(composition, options, lifetime.stopAsked);
    if (lifetime.begin()) {
      announce(composition, options);
      if (options.drain === true) stopWhenDrained(composition, lifetime);
    }
    return await lifetime.ended;
  } finally {
    lifetime.release();
    unlisten();
    await http?.close();
    log.flush();
  }
}

/** Resolves when the worker is ready, or when a stop was asked before. */
async function startWithin(composition: Composition, options: RunWorkerOptions, cancelled: AbortSignal): Promise<void> {
  const { worker, broker } = composition;
  const timeoutMs = options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
  const timeout = timeoutMs === 0 ? undefined : AbortSignal.timeout(timeoutMs);
  let last: Error | undefined;
  let reached = false;
  const unlisten = broker.onEvent((event) => {
    if (event.type === "connected") reached = true;
    if (event.type === "disconnected") last = event.error ?? last;
  });
  try {
    await worker.start({ signal: timeout === undefined ? cancelled : AbortSignal.any([cancelled, timeout]) });
  } catch (error) {
    if (cancelled.aborted) return;
    // Pools may take longer than the broker: what keeps them from starting is told as it is.
    if (reached || timeout?.aborted !== true) throw error;
    const why = last === undefined ? "" : `: ${last.message}`;
    throw new BrokerUnavailableError(
      `${broker.name} at ${broker.address} could not be reached within ${formatMs(timeoutMs)}${why}; ` +
        "check the URL and the server, or wait longer with --connect-timeout",
      { cause: last ?? error },
    );
  } finally {
    unlisten();
  }
}

function announce(composition: Composition, options: RunWorkerOptions): void {
  const { log, startedAt = 0 } = options;
  const readyMs = performance.now() - startedAt;
  log.text(banner(composition, readyMs));
  if (log.format !== "json") return;
  log.write("info", "worker ready", bannerFields(composition, readyMs));
  for (const warning of startWarnings(composition)) log.write("warn", warning);
}

function stopWhenDrained({ worker }: Composition, lifetime: Lifetime): void {
  const { stopAsked } = lifetime;
  worker.drained({ signal: stopAsked }).then(
    // Another ask would be taken for impatience.
    () => stopAsked.aborted || lifetime.stop(),
    (error: unknown) => lifetime.fail(error),
  );
}

interface HttpDoor {
  readonly url: string;
  close(): Promise<void>;
}

/** The metrics library is loaded beside the start, so that readiness does not wait for it. */
async function openHttp(address: HttpAddress, composition: Composition): Promise<HttpDoor> {
  const { serveHttp } = await import("../http/server.ts");
  const metrics = loadMetrics(composition);
  const server = await serveHttp(address, { worker: composition.worker, metrics });
  const close = async (): Promise<void> => {
    await server.close();
    (await metrics).close();
  };
  return { url: server.url, close };
}

async function loadMetrics({ worker, broker, plan }: Composition): Promise<Metrics> {
  const [{ createMetrics }, { DepthSampler }] = await Promise.all([
    import("../http/metrics.ts"),
    import("../http/depth-sampler.ts"),
  ]);
  const queues = plan.queues.map((queue) => queue.name);
  return createMetrics(worker, new DepthSampler(broker, queues));
}
