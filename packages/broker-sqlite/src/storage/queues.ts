/** Declaring, looking into, emptying and destroying queues; revocations and dead letters. */

import { DEFAULT_DEAD_RETENTION_MS, DEFAULT_LEASE_MS, DEFAULT_MAX_DEAD } from "@lovage/core/contracts";
import type { DeadRow, DepthRow, OperationMap, QueueSettings, Step } from "../sqlite-operations.ts";
import type { Handler, QueueRow, Session } from "./session.ts";

type Handlers = { [K in keyof OperationMap]: Handler<OperationMap[K]["in"], OperationMap[K]["out"]> };

/** Rows removed or moved in one transaction: some ten milliseconds. */
const STEP = 2_000;

/** What a declaration does not mention stays as it is. Also used inside a caller's own transaction. */
export function declareQueue(session: Session, name: string, settings: Partial<QueueSettings>): void {
  const { sql } = session;
  sql.run(
    "queueInsert",
    name,
    settings.leaseMs ?? DEFAULT_LEASE_MS,
    settings.maxDead ?? DEFAULT_MAX_DEAD,
    settings.deadRetentionMs ?? DEFAULT_DEAD_RETENTION_MS,
  );
  session.forgetQueues();
  const queue = session.queue(name) as QueueRow;
  sql.run(
    "queueUpdate",
    settings.leaseMs ?? queue.leaseMs,
    settings.maxDead ?? queue.maxDead,
    settings.deadRetentionMs ?? queue.deadRetentionMs,
    queue.number,
  );
  session.forgetQueues();
  if (settings.maxDead !== undefined) sql.run("deadTrim", queue.number, settings.maxDead);
}

export const ensureQueue: Handlers["ensureQueue"] = (session, { name, ...settings }) => {
  declareQueue(session, name, settings);
  return null;
};

export const queues: Handlers["queues"] = ({ sql }) => sql.all<[string]>("queueNames").map(([name]) => name);

export const hasQueue: Handlers["hasQueue"] = (session, name) => session.queue(name) !== undefined;

function depthOf({ sql, now }: Session, queue: QueueRow): DepthRow {
  return {
    ready: sql.number("readyCount", queue.number) + sql.number("dueCount", queue.number, now),
    delayed: sql.number("delayedCount", queue.number, now),
    owned: sql.number("ownedCount", queue.number),
    dead: sql.number("deadCount", queue.number),
    paused: queue.paused,
  };
}

export const depth: Handlers["depth"] = (session, name) => {
  const queue = session.queue(name);
  return queue === undefined ? null : depthOf(session, queue);
};

const BANDS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

export const oldestReadyAge: Handlers["oldestReadyAge"] = (session, name) => {
  const queue = session.queue(name);
  if (queue === undefined) return null;
  const { sql, now } = session;
  const firsts = BANDS.map((band) => sql.first<[number]>("oldestInBand", queue.number, band)?.[0] ?? now + 1);
  firsts.push(sql.first<[number]>("nextDue", queue.number)?.[0] ?? now + 1);
  const oldest = Math.min(...firsts);
  return { ageMs: oldest > now ? null : now - oldest };
};

export const setPaused: Handlers["setPaused"] = (session, { queue, paused }) => {
  const changed = session.sql.run("queuePause", paused ? 1 : 0, queue);
  session.forgetQueues();
  return changed === 1;
};

export const revoke: Handlers["revoke"] = (session, { ids, ttlMs }) => {
  const { sql, now } = session;
  const answers = ids.map((id) => {
    sql.run("revoke", id, now + ttlMs);
    if (sql.run("removeWaiting", id) === 1) return "removed" as const;
    return sql.any("messageState", id) ? ("owned" as const) : ("absent" as const);
  });
  session.revocationsChanged();
  return answers;
};

/** Bounds for a removal in steps: what is published while it runs stays. */
export const lastSeq: Handlers["lastSeq"] = ({ sql }) => ({
  message: sql.number("lastMessage"),
  dead: sql.number("lastDead"),
});

export const purgeStep: Handlers["purgeStep"] = (session, { queue: name, delayed, upTo }) => {
  const queue = session.queue(name);
  if (queue === undefined) return null;
  const { sql, now } = session;
  let count = sql.run("purgeReady", queue.number, upTo, STEP);
  const until = delayed ? Number.MAX_SAFE_INTEGER : now;
  if (count < STEP) count += sql.run("purgeDue", queue.number, until, upTo, STEP - count);
  return { count, more: count === STEP };
};

export const deadLetters: Handlers["deadLetters"] = (session, { queue: name, limit, after, ids }) => {
  const queue = session.queue(name);
  if (queue === undefined) return null;
  const { sql } = session;
  const afterSeq = after === null ? 0 : (sql.first<[number]>("deadSeq", after, queue.number)?.[0] ?? 0);
  if (ids === null) return sql.all<DeadRow>("deadList", queue.number, afterSeq, limit);
  const found: { readonly seq: number; readonly row: DeadRow }[] = [];
  for (const id of new Set(ids)) {
    const seq = sql.first<[number]>("deadSeq", id, queue.number)?.[0];
    const row = sql.first<DeadRow>("deadOne", queue.number, id);
    if (seq !== undefined && row !== undefined && seq > afterSeq) found.push({ seq, row });
  }
  return found
    .sort((a, b) => a.seq - b.seq)
    .slice(0, limit)
    .map(({ row }) => row);
};

/** The dead letters meant, at most a step of them. `ids` null: all up to `upTo`. */
function selectDead(session: Session, queue: QueueRow, ids: readonly string[] | null, upTo: number) {
  if (ids === null) {
    const rows = session.sql.all<[number, string]>("deadFirst", queue.number, upTo, STEP);
    return { rows, more: rows.length === STEP };
  }
  const rows: [number, string][] = [];
  for (const id of new Set(ids)) {
    const seq = session.sql.first<[number]>("deadSeq", id, queue.number)?.[0];
    if (seq !== undefined) rows.push([seq, id]);
  }
  return { rows: rows.sort((a, b) => a[0] - b[0]), more: false };
}

export const redriveStep: Handlers["redriveStep"] = (session, { queue: name, ids, upTo }) => {
  const queue = session.queue(name);
  if (queue === undefined) return null;
  const { sql, now } = session;
  const { rows, more } = selectDead(session, queue, ids, upTo);
  for (const [seq, id] of rows) {
    sql.run("revokeForget", id);
    sql.run("redrive", seq, now, session.token());
    sql.run("deadRemove", seq);
  }
  session.revocationsChanged();
  session.deadChanged();
  return { count: rows.length, more };
};

export const dropDeadStep: Handlers["dropDeadStep"] = (session, { queue: name, ids, upTo }) => {
  const queue = session.queue(name);
  if (queue === undefined) return null;
  const { rows, more } = selectDead(session, queue, ids, upTo);
  for (const [seq] of rows) session.sql.run("deadRemove", seq);
  session.deadChanged();
  return { count: rows.length, more };
};

/** From here on the queue does not exist; its rows are removed in steps, by whoever comes by if this process dies. */
export const condemnQueue: Handlers["condemnQueue"] = (session, name) => {
  const queue = session.queue(name);
  if (queue === undefined) return null;
  const depth = depthOf(session, queue);
  session.sql.run("queueCondemn", queue.number);
  session.forgetQueues();
  return { number: queue.number, depth };
};

export const destroyStep: Handlers["destroyStep"] = (session, number) => destroyRows(session, number);

export function destroyRows({ sql }: Session, number: number): Step {
  let count = 0;
  for (const name of ["destroyReady", "destroyDelayed", "destroyOwned", "destroyDead"] as const) {
    if (count < STEP) count += sql.run(name, number, STEP - count);
  }
  if (count < STEP) sql.run("queueRemove", number);
  return { count, more: count === STEP };
}
