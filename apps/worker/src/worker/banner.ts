/** What a worker says once it is ready. */

import type { AppDefinition, Broker, BrokerCapabilities, Pool, ResultStore } from "@lovage/core/contracts";
import type { Worker } from "@lovage/core/engine";
import { formatMs } from "../output/format.ts";
import type { LogFields } from "../output/log.ts";
import { paint } from "../output/paint.ts";
import type { WorkerPlan } from "./plan.ts";

export interface Composition {
  readonly app: AppDefinition;
  readonly broker: Broker;
  readonly results?: ResultStore;
  readonly plan: WorkerPlan;
  readonly pools: Readonly<Record<string, Pool>>;
  readonly worker: Worker;
}

const DURABLE: Readonly<Record<BrokerCapabilities["durable"], string>> = {
  none: "kept in memory only",
  process: "survives crashes, not power cuts",
  machine: "survives crashes and power cuts",
};

const PRIORITY: Readonly<Record<BrokerCapabilities["priority"], string>> = {
  strict: "strict priorities",
  "returned-first": "strict priorities after what was given back",
  banded: "priorities on average",
  none: "no priorities",
};

/** A broker's capabilities in words, most important first. */
export function capabilityWords(capabilities: BrokerCapabilities): readonly string[] {
  return [
    DURABLE[capabilities.durable],
    PRIORITY[capabilities.priority],
    capabilities.ownership === "lease" ? "leases" : "owned by connection",
    capabilities.fenced ? "stale workers fenced" : "stale workers not fenced",
    ...(capabilities.maxUnsettledMs === undefined
      ? []
      : [`taken back when unsettled for ${formatMs(capabilities.maxUnsettledMs)}`]),
    `delays within ${formatMs(capabilities.delayResolutionMs)}`,
    ...(capabilities.shared ? [] : ["this process only"]),
  ];
}

/** What an operator should know before trusting this worker. */
export function startWarnings(composition: Composition): readonly string[] {
  const { app, broker, results, plan, pools } = composition;
  const { capabilities } = broker;
  const warnings: string[] = [];
  if (!capabilities.shared) {
    warnings.push(
      "the broker is in this process: nobody else can enqueue here, and all is lost when it ends; use --broker sqlite:./lovage.db",
    );
  } else if (capabilities.durable === "none") {
    warnings.push("the broker keeps messages in memory only: all are lost when it ends");
  }
  if (results === undefined) warnings.push("results are off: run.result() and lovage result will find nothing");
  for (const [name, pool] of Object.entries(pools)) {
    if (pool.capabilities.isolation === "none") {
      warnings.push(
        `pool ${name} runs tasks on the engine's own loop: a task that blocks it stops leases, control and health checks; leave out --inline in production`,
      );
    }
  }
  const unserved = [...new Set(app.tasks.names().map((task) => app.resolve(task).queue))].filter(
    (queue) => !plan.queues.some((served) => served.name === queue),
  );
  if (unserved.length > 0)
    warnings.push(`not served by this worker: ${unserved.sort().join(", ")} (some tasks of the app go there)`);
  return warnings;
}

function poolLine(name: string, composition: Composition): string {
  const pool = composition.pools[name];
  const queues = composition.plan.queues.filter((queue) => queue.pool === name).map((queue) => queue.name);
  const kill = pool?.capabilities.kill === "never" ? ", hard limits impossible" : "";
  return `${name}  ${pool?.kind} × ${pool?.capacity} ${paint("dim", `← ${queues.join(", ")}${kill}`)}`;
}

const MOST_TASKS = 20;

function taskLines(app: AppDefinition): readonly string[] {
  const names = [...app.tasks.names()].sort();
  const width = Math.max(0, ...names.slice(0, MOST_TASKS).map((name) => name.length));
  const lines = names.slice(0, MOST_TASKS).map((name) => {
    const task = app.resolve(name);
    const notes = [
      `→ ${task.queue}`,
      ...(task.attempts > 1 ? [`${task.attempts} attempts`] : []),
      ...(task.softMs === undefined ? [] : [`soft ${formatMs(task.softMs)}`]),
      ...(task.hardExplicit ? [`hard ${formatMs(task.hardMs)}`] : []),
    ];
    return `${name.padEnd(width)}  ${paint("dim", notes.join(", "))}`;
  });
  return names.length > MOST_TASKS ? [...lines, paint("dim", `… and ${names.length - MOST_TASKS} more`)] : lines;
}

function resultsWords(results: ResultStore | undefined): string {
  if (results === undefined) return "off";
  return results.capabilities.keptFor === "anyone"
    ? results.name
    : `${results.name} ${paint("dim", "← for the callers that wait, nobody else")}`;
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.map((line, index) => `  ${paint("bold", (index === 0 ? title : "").padEnd(8))} ${line}`);
}

/** The banner for people. */
export function banner(composition: Composition, readyMs: number): string {
  const { app, broker, results, pools, worker } = composition;
  return [
    "",
    `  ${paint(["bold", "green"], "lovage")} ${worker.identity.version} ${paint("dim", `· ${worker.identity.id} · pid ${worker.identity.pid} · Node ${process.versions.node}`)}`,
    "",
    ...section("broker", [broker.address, paint("dim", capabilityWords(broker.capabilities).join(" · "))]),
    ...section("results", [resultsWords(results)]),
    ...section(
      "pools",
      Object.keys(pools).map((name) => poolLine(name, composition)),
    ),
    ...section("tasks", taskLines(app)),
    ...startWarnings(composition).map((warning) => `  ${paint("yellow", `warning  ${warning}`)}`),
    "",
    `  ready in ${Math.round(readyMs)} ms ${paint("dim", "· Ctrl-C lets running tasks finish, twice gives them back at once")}`,
    "",
  ].join("\n");
}

/** The same for machines: the fields of the JSON line `worker ready`. */
export function bannerFields(composition: Composition, readyMs: number): LogFields {
  const { app, broker, results, plan, pools, worker } = composition;
  return {
    version: worker.identity.version,
    pid: worker.identity.pid,
    node: process.versions.node,
    readyMs: Math.round(readyMs),
    broker: broker.address,
    capabilities: broker.capabilities,
    results: results?.name ?? "off",
    pools: Object.fromEntries(
      Object.entries(pools).map(([name, pool]) => [name, { kind: pool.kind, size: pool.capacity }]),
    ),
    queues: Object.fromEntries(plan.queues.map((queue) => [queue.name, queue.pool])),
    tasks: app.tasks.names(),
  };
}
