import type { ExitCode } from "../exit-codes.ts";
import { parseDuration } from "../flags/duration.ts";
import { parseWholeNumber } from "../flags/whole-number.ts";
import { formatValue } from "../output/format.ts";
import { printJson, printLine } from "../output/print.ts";
import { askWorkers, judgeReplies, valuesOf } from "./ask-workers.ts";
import type { ListFlags, PlaceFlags } from "./common-options.ts";
import { withBroker } from "./with-places.ts";

export type ControlFlags = PlaceFlags & ListFlags & { timeout: string; worker?: readonly string[] };

async function tell(name: string, args: Readonly<Record<string, unknown>>, flags: ControlFlags): Promise<ExitCode> {
  const timeoutMs = parseDuration(flags.timeout, "--timeout");
  const to = flags.worker ?? [];
  const replies = await withBroker(flags, (broker) => askWorkers(broker, name, args, { timeoutMs, to }));
  if (flags.json === true) printJson(replies);
  else for (const { worker, value } of valuesOf(replies)) printLine(`${worker}: ${formatValue(value)}`);
  return judgeReplies(replies, to);
}

export function resizePool(pool: string, size: string, flags: ControlFlags): Promise<ExitCode> {
  return tell("pool-resize", { pool, size: parseWholeNumber(size, "the size", { min: 1 }) }, flags);
}

export function quiet(flags: ControlFlags): Promise<ExitCode> {
  return tell("quiet", {}, flags);
}

export function unquiet(flags: ControlFlags): Promise<ExitCode> {
  return tell("unquiet", {}, flags);
}

export function shutdown(flags: ControlFlags & { grace?: string }): Promise<ExitCode> {
  return tell("shutdown", flags.grace === undefined ? {} : { graceMs: parseDuration(flags.grace, "--grace") }, flags);
}

export function ping(flags: ControlFlags): Promise<ExitCode> {
  return tell("ping", {}, flags);
}
