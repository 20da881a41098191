/**
 * A producer: publishes its share of a run's tasks at an even pace, each outcome in the ledger. Started again after a SIGKILL it goes on
 * where the ledger ends, and publishes again, with the same id, whatever has no outcome there. Ends with 0 when all has been answered.
 */

import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Broker, isLovageError, type OutgoingMessage, type PublishOutcome } from "@lovage/core/contracts";
import { openBroker } from "lovage";
import { queues, tasks } from "./app.ts";
import { CHAOS } from "./environment.ts";
import { LedgerReader, LedgerWriter } from "./ledger.ts";
import { type PlannedTask, plannedTask } from "./plan.ts";

const MAX_BATCH = 100;
const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 1_000;
/** Something this long without an answer is reported as unknown and left. */
const GIVE_UP_MS = 60_000;

const { values } = parseArgs({
  options: {
    broker: { type: "string", default: "" },
    seed: { type: "string", default: "" },
    "poison-every": { type: "string", default: "" },
    tasks: { type: "string", default: "" },
    share: { type: "string", default: "" },
    of: { type: "string", default: "" },
    "starts-at": { type: "string", default: "" },
    "for-ms": { type: "string", default: "" },
  },
});
const mix = { seed: Number(values.seed), poisonEvery: Number(values["poison-every"]) };
const count = Number(values.tasks);
const startsAt = Number(values["starts-at"]);
const spacingMs = Number(values["for-ms"]) / count;

const ledger = new LedgerWriter(CHAOS.ledger);

async function main(): Promise<void> {
  const answered = new Set<number>();
  for (const entry of await new LedgerReader(CHAOS.ledger).read())
    if (entry.e === "published" && entry.status !== "unknown") answered.add(entry.index);
  const open: number[] = [];
  for (let index = Number(values.share); index < count; index += Number(values.of))
    if (!answered.has(index)) open.push(index);

  const broker = await openBroker(values.broker, { from: import.meta.dirname });
  await broker.connect({ signal: AbortSignal.timeout(GIVE_UP_MS) });
  for (const name of queues) await broker.ensureQueue({ name, leaseMs: CHAOS.leaseMs });
  const flights: Promise<void>[] = [];
  for (let next = 0; next < open.length; ) {
    const due = startsAt + (open[next] as number) * spacingMs;
    if (due > Date.now()) await pause(due - Date.now());
    const last = (Date.now() - startsAt) / spacingMs;
    const batch: PlannedTask[] = [];
    while (next < open.length && batch.length < MAX_BATCH && (open[next] as number) <= last)
      batch.push(plannedTask(mix, open[next++] as number));
    // Not waited for: an outage must not slow the pace, or nothing would be published into it.
    if (batch.length > 0) flights.push(publish(broker, batch));
  }
  await Promise.all(flights);
  await broker.close();
}

async function publish(broker: Broker, batch: readonly PlannedTask[]): Promise<void> {
  const giveUpAt = Date.now() + GIVE_UP_MS;
  let open = batch.map((planned) => ({ planned, message: messageOf(planned) }));
  for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(MAX_RETRY_MS, retryMs * 2)) {
    const at = Date.now();
    ledger.append(
      ...open.map(({ planned: { id, index, kind }, message: { dueAt } }) => ({
        ...({ e: "publish", at, id, index, kind, pid: process.pid } as const),
        ...(dueAt === undefined ? {} : { dueAt }),
      })),
    );
    const outcomes = await ask(
      broker,
      open.map(({ message }) => message),
    );
    const answeredAt = Date.now();
    ledger.append(
      ...outcomes.map((outcome, place) => ({
        ...({ e: "published", at: answeredAt, id: outcome.id, status: outcome.status } as const),
        index: open[place]?.planned.index as number,
        ...("error" in outcome ? { error: `${outcome.error.code}: ${outcome.error.message}` } : {}),
      })),
    );
    open = open.filter((_, place) => outcomes[place]?.status === "unknown");
    if (open.length === 0 || Date.now() > giveUpAt) return;
    await pause(retryMs);
  }
}

/** A publish that rejects because the broker is away says nothing about any of its messages. */
async function ask(broker: Broker, messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
  try {
    return await broker.publish(messages);
  } catch (error) {
    if (!isLovageError(error) || !error.retryable) throw error;
    return messages.map(({ id }) => ({ id, status: "unknown", error }));
  }
}

function messageOf({ id, kind, index, workMs, delayMs, priority }: PlannedTask): OutgoingMessage {
  const options = { id, priority, ...(delayMs > 0 && { at: Date.now() + delayMs }) };
  return tasks[kind].with(options).message(index, workMs);
}

await main();
