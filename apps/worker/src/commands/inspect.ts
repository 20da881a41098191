import type { ActiveTask, ReservedTask, WorkerStats } from "@lovage/core/engine";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { parseDuration } from "../flags/duration.ts";
import { formatBytes, formatCount, formatMs } from "../output/format.ts";
import { printJson, printLine } from "../output/print.ts";
import { type Column, printTable } from "../output/table.ts";
import { askWorkers, judgeReplies, valuesOf } from "./ask-workers.ts";
import type { ListFlags, PlaceFlags } from "./common-options.ts";
import { withBroker } from "./with-places.ts";

export const INSPECTED = ["active", "reserved", "registered", "stats", "conf"] as const;
export type Inspected = (typeof INSPECTED)[number];

interface Answer<T = unknown> {
  readonly worker: string;
  readonly value: T;
}

type Rows = readonly (readonly string[])[];

const right = (title: string): Column => ({ title, align: "right" });

function printActive(answers: readonly Answer<readonly ActiveTask[]>[]): void {
  const rows: Rows = answers.flatMap(({ worker, value }) =>
    [...value]
      .sort((a, b) => b.runningMs - a.runningMs)
      .map((task) => [
        task.id,
        task.task,
        task.queue,
        task.pool,
        String(task.attempt),
        formatMs(task.runningMs),
        task.stalled ? "blocks its executor" : "",
        worker,
      ]),
  );
  const columns = ["ID", "TASK", "QUEUE", "POOL"].map((title) => ({ title }));
  printTable([...columns, right("ATTEMPT"), right("RUNNING"), { title: "NOTE" }, { title: "WORKER" }], rows);
}

function printReserved(answers: readonly Answer<readonly ReservedTask[]>[]): void {
  printTable(
    [{ title: "ID" }, { title: "TASK" }, { title: "QUEUE" }, right("HELD"), { title: "WORKER" }],
    answers.flatMap(({ worker, value }) =>
      value.map((task) => [task.id, task.task, task.queue, formatMs(task.heldMs), worker]),
    ),
  );
}

function printRegistered(answers: readonly Answer<readonly string[]>[]): void {
  const workers = new Map<string, string[]>();
  for (const { worker, value } of answers) {
    for (const task of value) workers.set(task, [...(workers.get(task) ?? []), worker]);
  }
  const rows = [...workers].sort(([a], [b]) => a.localeCompare(b)).map(([task, names]) => [task, names.join(" ")]);
  printTable([{ title: "TASK" }, { title: "WORKERS" }], rows);
}

function printStats(answers: readonly Answer<WorkerStats>[]): void {
  for (const { value } of answers) {
    printLine(
      `${value.identity.id}: ${value.state}, up ${formatMs(value.uptimeMs)}, ${formatBytes(value.rssBytes)}, engine lag ${formatMs(value.engineLagMs)}`,
    );
    printTable(
      [
        { title: "POOL" },
        { title: "KIND" },
        right("TAKEN"),
        right("SLOTS"),
        right("EXECUTORS"),
        right("FINISHED"),
        right("CRASHED"),
        right("KILLED"),
        right("RECYCLED"),
        { title: "QUEUES" },
      ],
      Object.entries(value.pools).map(([name, pool]) => [
        name,
        pool.kind,
        ...[
          pool.capacity - pool.free,
          pool.capacity,
          pool.executors.length,
          pool.finished,
          pool.crashed,
          pool.killed,
          pool.recycled,
        ].map(formatCount),
        pool.queues.join(" "),
      ]),
    );
    printTable(
      [
        { title: "TASK" },
        right("SUCCEEDED"),
        right("FAILED"),
        right("RETRIED"),
        right("STALLED"),
        right("MEAN"),
        right("MAX"),
      ],
      Object.entries(value.tasks).map(([name, task]) => [
        name,
        ...[task.succeeded, task.failed, task.retried, task.stalled].map(formatCount),
        formatMs(task.meanMs),
        formatMs(task.maxMs),
      ]),
    );
  }
}

interface Configuration {
  readonly tasks: Readonly<
    Record<string, { readonly source: Readonly<Record<string, string>> } & Readonly<Record<string, unknown>>>
  >;
}

function printConf(answers: readonly Answer<Configuration>[]): void {
  const rows = answers.flatMap(({ worker, value }) =>
    Object.entries(value.tasks).flatMap(([task, { source = {}, ...options }]) =>
      Object.entries(options)
        .filter(([option, setting]) => option in source && setting !== undefined)
        .map(([option, setting]) => [task, option, String(setting), source[option] ?? "", worker]),
    ),
  );
  printTable([{ title: "TASK" }, { title: "OPTION" }, right("VALUE"), { title: "SET BY" }, { title: "WORKER" }], rows);
}

const PRINTERS: Readonly<Record<Inspected, (answers: readonly Answer<never>[]) => void>> = {
  active: printActive,
  reserved: printReserved,
  registered: printRegistered,
  stats: printStats,
  conf: printConf,
};

export async function inspect(
  what: Inspected,
  flags: PlaceFlags & ListFlags & { timeout: string; worker?: readonly string[] },
): Promise<ExitCode> {
  const timeoutMs = parseDuration(flags.timeout, "--timeout");
  const to = flags.worker ?? [];
  const replies = await withBroker(flags, (broker) => askWorkers(broker, "inspect", { what }, { timeoutMs, to }));
  const answers = valuesOf<never>(replies);
  if (flags.json === true) {
    printJson(answers);
    return EXIT.ok;
  }
  const code = judgeReplies(replies, to);
  if (answers.length > 0) PRINTERS[what](answers);
  return code;
}
