/** One run: start, publish under faults, drain, look at what is left. What it found is in the ledger, not here. */

import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Broker, Delivery } from "@lovage/core/contracts";
import { openBroker, openResults } from "lovage";
import { queues } from "./app.ts";
import { accepted, finished } from "./check.ts";
import { Fleet } from "./fleet.ts";
import { watchLag } from "./lag.ts";
import { type Entry, LedgerReader, LedgerWriter } from "./ledger.ts";
import { endLeftovers } from "./leftovers.ts";
import type { ChaosOptions } from "./options.ts";
import type { Rig } from "./rigs/rig.ts";
import type { Fault } from "./schedule.ts";
import { carryOut } from "./strike.ts";

/** Runs that begin without end before a message is poison: the worker's default, which the command does not let change. */
const MAX_STARTS = 3;
/** Adapters that the repository does not ship are dependencies of this package. */
const FROM_HERE = { from: import.meta.dirname };
/** Tasks are published for less than the whole time, so that the last faults meet a queue that drains. */
const PUBLISHING_SHARE = 0.9;
const LOOK_AGAIN_MS = 200;
/** Once the queues are empty nothing can come any more but what a worker is still writing down. */
const SETTLED_FOR_MS = 1_000;

export interface RunReport {
  readonly ledger: string;
  readonly internalErrors: readonly string[];
}

/** Resolves when everything that it started has ended. Rejects when the run itself could not be made. */
export async function run(
  options: ChaosOptions,
  faults: readonly Fault[],
  folder: string,
  signal: AbortSignal,
): Promise<RunReport> {
  const ledger = join(folder, "ledger.jsonl");
  const writer = new LedgerWriter(ledger);
  await using rig = await options.rig.open(folder);
  const broker = await openBroker(rig.directUrl ?? rig.url, FROM_HERE);
  const { leaseMs, graceMs } = options;
  const fleet = new Fleet({ folder, url: rig.url, ledger, leaseMs, graceMs, writer });
  const lag = watchLag((ms) => writer.append({ e: "lag", at: Date.now(), ms }));
  try {
    await broker.connect({ signal: AbortSignal.any([signal, AbortSignal.timeout(30_000)]) });
    for (const name of queues) await broker.ensureQueue({ name, leaseMs });
    await writeFacts(options, rig, broker, writer);
    const starting = Array.from({ length: options.workers }, (_, slot) => fleet.startWorker(slot));
    await unlessAborted(Promise.all(starting), signal);
    const startsAt = Date.now();
    for (let slot = 0; slot < options.producers; slot++)
      fleet.startProducer(slot, producerArgs(options, rig, slot, startsAt));
    await firstRun(ledger, signal);
    console.log(`working: ${options.workers} workers, ${options.producers} producers, ledger ${ledger}`);
    await carryOut(faults, startsAt, { fleet, rig, writer, signal });
    await unlessAborted(fleet.produced(), signal);
    await drained(broker, ledger, options.drainMs, signal);
    await fleet.endWorkers();
    await lookAtTheRest(broker, rig, ledger, writer);
  } finally {
    lag();
    await fleet[Symbol.asyncDispose]();
    for (const what of await endLeftovers(ledger)) writer.append({ e: "trouble", at: Date.now(), what });
    await broker.close();
  }
  return { ledger, internalErrors: fleet.internalErrors() };
}

async function writeFacts(options: ChaosOptions, rig: Rig, broker: Broker, writer: LedgerWriter): Promise<void> {
  const { ownership, delayResolutionMs, countsDeliveries, deadLetterBrowse } = broker.capabilities;
  const results = await openResults(rig.url, FROM_HERE);
  const kept = results?.capabilities.keptFor === "anyone";
  await results?.close();
  writer.append({
    e: "run",
    at: Date.now(),
    seed: options.seed,
    broker: options.rig.name,
    leaseMs: options.leaseMs,
    graceMs: options.graceMs,
    ownership,
    delayResolutionMs,
    countsDeliveries,
    maxStarts: MAX_STARTS,
    results: kept,
    browsesDead: deadLetterBrowse,
    stopsAll: options.rig.stopsAll,
    silenceMs: options.rig.silenceMs ?? 0,
    forgetsMs: options.rig.forgetsMs ?? 0,
    requeue: options.rig.requeue,
    excusing: options.rig.faults.filter(({ excuses }) => excuses).map(({ name }) => name),
  });
}

function producerArgs(options: ChaosOptions, rig: Rig, slot: number, startsAt: number): string[] {
  const flags = {
    broker: rig.url,
    seed: options.seed,
    "poison-every": options.poisonEvery,
    tasks: options.tasks,
    share: slot,
    of: options.producers,
    "starts-at": startsAt,
    "for-ms": options.minutes * 60_000 * PUBLISHING_SHARE,
  };
  return Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, String(value)]);
}

/** What was waited for goes on; whoever started it ends it. */
async function unlessAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const waiting = new AbortController();
  const aborted = once(signal, "abort", { signal: waiting.signal }).then(() => Promise.reject(signal.reason));
  try {
    signal.throwIfAborted();
    await Promise.race([work, aborted]);
  } finally {
    waiting.abort();
    // Its own end is no news.
    aborted.catch(() => undefined);
  }
}

/** So that nobody is told that tasks run before one does. */
async function firstRun(ledger: string, signal: AbortSignal): Promise<void> {
  for (const reader = new LedgerReader(ledger); ; await pause(LOOK_AGAIN_MS, undefined, { signal }))
    if ((await reader.read()).some(({ e }) => e === "start")) return;
}

/**
 * Resolves when every accepted task has finished or can only be in the dead letters, and no queue says that it holds anything; or when
 * the time is up; or when the queues are empty and what is missing cannot come any more. Judging that is the checker's business.
 */
async function drained(broker: Broker, ledger: string, drainMs: number, signal: AbortSignal): Promise<void> {
  const until = Date.now() + drainMs;
  let emptySince = Number.POSITIVE_INFINITY;
  while (Date.now() < until) {
    emptySince = (await holds(broker)) === 0 ? Math.min(emptySince, Date.now()) : Number.POSITIVE_INFINITY;
    if (Date.now() - emptySince >= SETTLED_FOR_MS) {
      const told = Object.values(broker.capabilities.depth).every(Boolean);
      if (told || (await allFinished(ledger))) return;
    }
    await pause(LOOK_AGAIN_MS, undefined, { signal });
  }
}

/** What the queues say they hold; what a broker cannot tell counts as nothing. */
async function holds(broker: Broker): Promise<number> {
  const depths = await Promise.all(queues.map((queue) => broker.depth(queue)));
  return depths.reduce((sum, { ready = 0, delayed = 0, owned = 0 }) => sum + ready + delayed + owned, 0);
}

async function allFinished(ledger: string): Promise<boolean> {
  const { historyOf } = await import("./history.ts");
  const { tasks } = historyOf(await new LedgerReader(ledger).read());
  return [...tasks.values()].every((task) => !accepted(task) || finished(task) || task.kind === "poison");
}

const PAGE = 500;

async function lookAtTheRest(broker: Broker, rig: Rig, ledger: string, writer: LedgerWriter): Promise<void> {
  for (const queue of queues) {
    const { ready, delayed, owned, dead } = await broker.depth(queue);
    const known = Object.entries({ ready, delayed, owned, dead }).filter(([, count]) => count !== undefined);
    writer.append({ e: "depth", at: Date.now(), queue, ...Object.fromEntries(known) });
    if (ready !== undefined && ready > 0) await nameThose(ready, queue, broker, writer);
    if (!broker.capabilities.deadLetterBrowse) continue;
    for (let after: string | undefined; ; ) {
      const page = await broker.deadLetters(queue, { limit: PAGE, ...(after === undefined ? {} : { after }) });
      writer.append(
        ...page.map(({ id, deadAt, reason }): Entry => ({ e: "dead", at: deadAt, id, queue, code: reason.code })),
      );
      if (page.length < PAGE) break;
      after = page.at(-1)?.id;
    }
  }
  await compareResults(rig, ledger, writer);
}

const NAMED_WITHIN_MS = 5_000;

/** What is left in a queue, and for the checker to judge; it stays there. */
async function nameThose(ready: number, queue: string, broker: Broker, writer: LedgerWriter): Promise<void> {
  const all = Promise.withResolvers<void>();
  const held: Delivery[] = [];
  const consumption = await broker.consume({ queue, credit: ready }, (batch) => {
    for (const delivery of batch) {
      held.push(delivery);
      const { message, deliveryCount = 1 } = delivery;
      const attempt = message.headers.attempt ?? 1;
      writer.append({ e: "left", at: Date.now(), id: message.id, queue, attempt, deliveries: deliveryCount });
    }
    if (held.length >= ready) all.resolve();
  });
  const late = setTimeout(() => all.resolve(), NAMED_WITHIN_MS);
  await all.promise;
  clearTimeout(late);
  await Promise.all(held.map((delivery) => delivery.release()));
  await consumption.stop();
}

async function compareResults(rig: Rig, ledger: string, writer: LedgerWriter): Promise<void> {
  const results = await openResults(rig.directUrl ?? rig.url, FROM_HERE);
  // Those for their callers are gone with the producers.
  if (results?.capabilities.keptFor !== "anyone") return;
  await results.connect({ signal: AbortSignal.timeout(30_000) });
  const ids = new Set<string>();
  for (const entry of await new LedgerReader(ledger).read())
    if (entry.e === "publish" && entry.kind === "answer") ids.add(entry.id);
  const asked = [...ids];
  for (let from = 0; from < asked.length; from += PAGE) {
    const page = asked.slice(from, from + PAGE);
    const records = await results.read(page);
    writer.append(
      ...page.map((id, place): Entry => {
        const record = records[place];
        const value = record?.value === undefined ? undefined : decoded(record.value);
        return {
          ...({ e: "result", at: Date.now(), id } as const),
          ...(record === undefined ? {} : { state: record.state }),
          ...(value === undefined ? {} : { value }),
        };
      }),
    );
  }
  await results.close();
}

function decoded(payload: string | Uint8Array): string {
  return String(JSON.parse(typeof payload === "string" ? payload : Buffer.from(payload).toString("utf8")));
}
