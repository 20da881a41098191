import { ConfigurationError } from "@lovage/core/contracts";
import { openApp } from "../app-file.ts";
import type { ExitCode } from "../exit-codes.ts";
import { parseDuration } from "../flags/duration.ts";
import { parseHttpAddress } from "../flags/http-address.ts";
import { parsePoolFlag, parseSinglePool } from "../flags/pool-flags.ts";
import { parseQueueFlags } from "../flags/queue-flags.ts";
import { parseRecycle } from "../flags/recycle.ts";
import { parseWholeNumber } from "../flags/whole-number.ts";
import { createLog, type LogFormat, type LogLevel } from "../output/log.ts";
import { version } from "../version.ts";
import type { PlanRequest } from "../worker/plan.ts";
import type { PlaceFlags } from "./common-options.ts";

export interface WorkerFlags extends PlaceFlags {
  readonly pool?: readonly string[];
  readonly poolKind?: string;
  readonly concurrency?: string;
  readonly queues?: readonly string[];
  readonly buffer?: string;
  readonly softLimit?: string;
  readonly hardLimit?: string;
  readonly recycle?: string;
  readonly name?: string;
  readonly log?: LogFormat;
  readonly logLevel: LogLevel;
  readonly drain?: boolean;
  readonly grace: string;
  readonly connectTimeout: string;
  readonly http?: string;
  readonly inline?: boolean;
  readonly export?: string;
}

const NAME = /^[A-Za-z0-9._@-]{1,100}$/;

function planRequest(flags: WorkerFlags): PlanRequest {
  const single = parseSinglePool(flags.poolKind, flags.concurrency);
  return {
    ...(single === undefined ? {} : { single }),
    pools: (flags.pool ?? []).map(parsePoolFlag),
    queues: parseQueueFlags(flags.queues ?? []),
    ...(flags.buffer === undefined
      ? {}
      : {
          buffer:
            flags.buffer === "auto" ? "auto" : parseWholeNumber(flags.buffer, "--buffer", { min: 0, max: 100_000 }),
        }),
    ...(flags.recycle === undefined ? {} : { recycle: parseRecycle(flags.recycle) }),
    ...(flags.inline === true ? { inline: true } : {}),
  };
}

function checkName(name: string): string {
  if (NAME.test(name)) return name;
  throw new ConfigurationError(`--name: "${name}" is not a name; use 1 to 100 of A-Z a-z 0-9 . _ @ -`);
}

/** Everything that can be wrong with the flags is said before the app is imported. */
export async function worker(file: string, flags: WorkerFlags): Promise<ExitCode> {
  const request = planRequest(flags);
  const options = {
    ...request,
    graceMs: parseDuration(flags.grace, "--grace"),
    connectTimeoutMs: parseDuration(flags.connectTimeout, "--connect-timeout"),
    ...(flags.softLimit === undefined ? {} : { softMs: parseDuration(flags.softLimit, "--soft-limit") }),
    ...(flags.hardLimit === undefined ? {} : { hardMs: parseDuration(flags.hardLimit, "--hard-limit") }),
    ...(flags.http === undefined ? {} : { http: parseHttpAddress(flags.http) }),
    ...(flags.name === undefined ? {} : { name: checkName(flags.name) }),
    ...(flags.results === undefined ? {} : { results: flags.results }),
    drain: flags.drain === true,
  };
  const log = createLog({
    format: flags.log ?? (process.stdout.isTTY ? "pretty" : "json"),
    level: flags.logLevel,
    stream: process.stdout,
  });
  const [{ source, folder }, { runWorker }] = await Promise.all([
    openApp(file, flags.export),
    import("../worker/run.ts"),
  ]);
  return runWorker({
    ...options,
    app: source,
    broker: flags.broker,
    log,
    version: version(),
    open: { from: folder, purpose: "worker" },
  });
}
