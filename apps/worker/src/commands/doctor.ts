import { availableParallelism } from "node:os";
import type { Broker, Diagnosis, ResultStore } from "@lovage/core/contracts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { availableCpus } from "../flags/cpu-quota.ts";
import { formatCount, formatMs, plural } from "../output/format.ts";
import { paint } from "../output/paint.ts";
import { printJson, printLine } from "../output/print.ts";
import { capabilityWords } from "../worker/banner.ts";
import { askWorkers } from "./ask-workers.ts";
import type { ListFlags, PlaceFlags } from "./common-options.ts";
import { withPlacesOpen } from "./with-places.ts";

const ROUND_TRIPS = 5;
const SLOW_MS = 50;
const OLD_MS = 60_000;

function checkNode(): Diagnosis {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const enough = major > 22 || (major === 22 && minor >= 18);
  const finding = `Node ${process.versions.node} on ${process.platform} ${process.arch}`;
  return enough
    ? { check: "node", level: "ok", finding }
    : { check: "node", level: "error", finding, advice: "use Node 22.18 or newer" };
}

function checkCpus(): Diagnosis {
  const cpus = availableCpus();
  const seen = availableParallelism();
  const quota = cpus < seen ? ` (a container quota leaves ${cpus} of ${seen})` : "";
  return { check: "cpus", level: "ok", finding: `${plural(cpus, "CPU")} for computing pools${quota}` };
}

async function checkRoundTrip(broker: Broker): Promise<Diagnosis> {
  const times: number[] = [];
  for (let trip = 0; trip < ROUND_TRIPS; trip++) {
    const began = performance.now();
    await broker.queues();
    times.push(performance.now() - began);
  }
  const median = times.sort((a, b) => a - b)[Math.floor(ROUND_TRIPS / 2)] ?? 0;
  const finding = `${broker.address} answers in ${formatMs(median)}`;
  return median < SLOW_MS
    ? { check: "broker", level: "ok", finding }
    : { check: "broker", level: "warning", finding, advice: "put workers nearer to the broker, or look at its load" };
}

function checkCapabilities(broker: Broker): Diagnosis {
  const finding = capabilityWords(broker.capabilities).join(", ");
  return broker.capabilities.durable === "none"
    ? {
        check: "capabilities",
        level: "warning",
        finding,
        advice: "messages are lost when the broker ends; use a durable one",
      }
    : { check: "capabilities", level: "ok", finding };
}

function checkResults(results: ResultStore | undefined): Diagnosis {
  if (results?.capabilities.keptFor === "caller")
    return {
      check: "results",
      level: "ok",
      finding: `sent to whoever enqueued the task, and kept for nobody else: ${results.name}`,
    };
  return results === undefined
    ? {
        check: "results",
        level: "warning",
        finding: "off",
        advice: "name a place with --results if anyone waits for results",
      }
    : { check: "results", level: "ok", finding: `kept at ${results.name}` };
}

async function checkWorkers(broker: Broker): Promise<Diagnosis> {
  if (broker.control === undefined)
    return { check: "workers", level: "warning", finding: `${broker.name} carries no control messages` };
  const replies = await askWorkers(broker, "ping", {}, { timeoutMs: 1_000 });
  return replies.length > 0
    ? {
        check: "workers",
        level: "ok",
        finding: `${plural(replies.length, "worker")} answered: ${replies.map(({ worker }) => worker).join(", ")}`,
      }
    : { check: "workers", level: "warning", finding: "no worker answers", advice: "start one: lovage worker app.ts" };
}

async function checkQueue(broker: Broker, queue: string): Promise<Diagnosis> {
  const [depth, oldest] = await Promise.all([broker.depth(queue), broker.oldestReadyAge(queue)]);
  const check = `queue ${queue}`;
  const finding = `${formatCount(depth.ready)} ready, ${formatCount(depth.delayed)} delayed, ${formatCount(depth.owned)} running, ${formatCount(depth.dead)} dead`;
  if (depth.paused === true)
    return {
      check,
      level: "warning",
      finding: `${finding}; paused`,
      advice: `go on with lovage queue resume ${queue}`,
    };
  if (oldest !== undefined && oldest > OLD_MS) {
    return {
      check,
      level: "warning",
      finding: `${finding}; the oldest has waited ${formatMs(oldest)}`,
      advice: "start more workers, or check that one serves this queue (lovage inspect stats)",
    };
  }
  if ((depth.dead ?? 0) > 0) return { check, level: "warning", finding, advice: `see lovage dead ls ${queue}` };
  return { check, level: "ok", finding };
}

const MARKS = { ok: "green", warning: "yellow", error: "red" } as const;

/** Checks this machine, the broker and its queues. Exit code 1 when something is wrong, not for warnings. */
export async function doctor(flags: PlaceFlags & ListFlags): Promise<ExitCode> {
  const findings = await withPlacesOpen(flags, async ({ broker, results }) => [
    checkNode(),
    checkCpus(),
    await checkRoundTrip(broker),
    checkCapabilities(broker),
    ...((await broker.diagnose?.()) ?? []),
    checkResults(results),
    await checkWorkers(broker),
    ...(await Promise.all((await broker.queues()).map((queue) => checkQueue(broker, queue)))),
  ]);
  if (flags.json === true) printJson(findings);
  else {
    for (const { check, level, finding, advice } of findings) {
      printLine(`${paint(MARKS[level], level.padEnd(8))}${check}: ${finding}`);
      if (advice !== undefined) printLine(`        ${advice}`);
    }
  }
  return findings.some(({ level }) => level === "error") ? EXIT.no : EXIT.ok;
}
