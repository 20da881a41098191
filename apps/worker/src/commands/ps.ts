import type { WorkerStats } from "@lovage/core/engine";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { parseDuration } from "../flags/duration.ts";
import { formatBytes, formatCount, formatMs } from "../output/format.ts";
import { printJson } from "../output/print.ts";
import { printTable } from "../output/table.ts";
import { askWorkers, judgeReplies, valuesOf } from "./ask-workers.ts";
import type { ListFlags, PlaceFlags } from "./common-options.ts";
import { withBroker } from "./with-places.ts";

function poolWords(stats: WorkerStats): string {
  return Object.entries(stats.pools)
    .map(([name, pool]) => `${name}=${pool.kind}:${pool.capacity - pool.free}/${pool.capacity}`)
    .join(" ");
}

function runningOf(stats: WorkerStats): number {
  return Object.values(stats.pools).reduce((sum, pool) => sum + pool.capacity - pool.free, 0);
}

export async function ps(flags: PlaceFlags & ListFlags & { timeout: string }): Promise<ExitCode> {
  const timeoutMs = parseDuration(flags.timeout, "--timeout");
  const replies = await withBroker(flags, (broker) => askWorkers(broker, "inspect", { what: "stats" }, { timeoutMs }));
  const workers = valuesOf<WorkerStats>(replies);
  if (flags.json === true) {
    printJson(workers.map(({ value }) => value));
    return EXIT.ok;
  }
  const code = judgeReplies(replies);
  if (workers.length === 0) return code;
  printTable(
    [
      { title: "WORKER" },
      { title: "STATE" },
      { title: "PID", align: "right" },
      { title: "UPTIME", align: "right" },
      { title: "RUNNING", align: "right" },
      { title: "FINISHED", align: "right" },
      { title: "FAILED", align: "right" },
      { title: "RSS", align: "right" },
      { title: "POOLS (taken/slots)" },
    ],
    workers.map(({ value }) => [
      value.identity.id,
      value.state,
      String(value.identity.pid),
      formatMs(value.uptimeMs),
      formatCount(runningOf(value)),
      formatCount(value.totals.succeeded + value.totals.failed),
      formatCount(value.totals.failed),
      formatBytes(value.rssBytes),
      poolWords(value),
    ]),
  );
  return code;
}
