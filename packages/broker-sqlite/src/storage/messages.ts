/** Publishing, claiming and settling: the hot path. */

import type { Payload } from "@lovage/core/contracts";
import {
  type ClaimAnswer,
  type ClaimedColumns,
  DUPLICATE,
  FULL,
  NO_QUEUE,
  type OperationMap,
  PUBLISHED,
  type PublishColumns,
} from "../sqlite-operations.ts";
import { DELAYED, READY } from "../sqlite-schema.ts";
import { SWEEP_LIMIT } from "../sqlite-statements.ts";
import type { Handler, QueueRow, Session } from "./session.ts";

type ClaimedRow = [
  seq: number,
  id: string,
  band: number,
  readyAt: number,
  deliveries: number,
  starts: number,
  headers: string,
  body: Payload,
];

type Handlers = { [K in keyof OperationMap]: Handler<OperationMap[K]["in"], OperationMap[K]["out"]> };

/** What becomes of the message at `index`. Also used inside a caller's own transaction. */
export function publishOne(session: Session, columns: PublishColumns, index: number, full: boolean): number {
  const { sql, now } = session;
  const id = columns.ids[index] as string;
  if (session.anyDead && sql.any("isDead", id)) return DUPLICATE;
  const queue = session.queue(columns.queues[index] as string);
  if (queue === undefined) return sql.any("messageState", id) ? DUPLICATE : NO_QUEUE;
  if (full) return sql.any("messageState", id) ? DUPLICATE : FULL;
  if (session.anyRevoked && sql.any("isRevoked", id, now)) return PUBLISHED;
  const due = Math.ceil(columns.dueAts[index] as number);
  const added = sql.run(
    "publish",
    queue.number,
    id,
    due > now ? DELAYED : READY,
    columns.bands[index] as number,
    Math.max(due, now),
    session.token(),
    columns.headers[index] as string,
    columns.bodies[index] as Payload,
  );
  return added === 1 ? PUBLISHED : DUPLICATE;
}

export const publish: Handlers["publish"] = (session, input) => {
  const full = input.maxBytes !== undefined && session.holds(input.maxBytes);
  return input.ids.map((_, index) => publishOne(session, input, index, full));
};

/** The answer where nothing has to be written: no such queue, paused, nothing wanted, ready, due or lapsed. */
export function peekClaim(session: Session, input: OperationMap["claim"]["in"]): ClaimAnswer | undefined {
  const queue = session.queue(input.queue);
  if (queue === undefined) return nothing(0, false);
  if (queue.paused || input.limit === 0) return nothing(queue.leaseMs, true);
  if (session.sql.any("anyReady", queue.number)) return undefined;
  const next = nextInMs(session, queue);
  if (next !== undefined && next <= 0) return undefined;
  return { ...nothing(queue.leaseMs, true), nextInMs: next };
}

export const claim: Handlers["claim"] = (session, { queue: name, limit }) => {
  const queue = session.queue(name);
  if (queue === undefined) return nothing(0, false);
  if (queue.paused || limit === 0) return nothing(queue.leaseMs, true);
  const { sql, now } = session;
  const promoted = sql.run("promote", queue.number, now);
  let reaped = 0;
  if (session.mayReap) {
    if (session.anyRevoked) sql.run("reapRevoked", queue.number, now, now);
    reaped = sql.run("reap", queue.number, now);
  }
  const token = session.token();
  const rows = sql.all<ClaimedRow>("claim", now + queue.leaseMs, token, queue.number, limit);
  // RETURNING does not follow ORDER BY: priorities come back in the order of the table.
  rows.sort((a, b) => a[2] - b[2] || a[3] - b[3] || a[0] - b[0]);
  const exhausted = rows.length < limit && promoted < SWEEP_LIMIT && reaped < SWEEP_LIMIT;
  return {
    found: true,
    claimed: rows.length === 0 ? undefined : columnsOf(token, rows),
    leaseMs: queue.leaseMs,
    exhausted,
    nextInMs: exhausted ? nextInMs(session, queue) : undefined,
  };
};

function columnsOf(token: number, rows: readonly ClaimedRow[]): ClaimedColumns {
  const columns: ClaimedColumns = {
    token,
    seqs: [],
    ids: [],
    bands: [],
    deliveries: [],
    starts: [],
    headers: [],
    bodies: [],
  };
  for (const [seq, id, band, , deliveries, starts, headers, body] of rows) {
    columns.seqs.push(seq);
    columns.ids.push(id);
    columns.bands.push(band);
    columns.deliveries.push(deliveries);
    columns.starts.push(starts);
    columns.headers.push(headers);
    columns.bodies.push(body);
  }
  return columns;
}

function nothing(leaseMs: number, found: boolean): ClaimAnswer {
  return { found, claimed: undefined, leaseMs, exhausted: true, nextInMs: undefined };
}

/** ms until a message falls due or a lease ends; 0 or less when one has. */
function nextInMs(session: Session, queue: QueueRow): number | undefined {
  const due = session.sql.first<[number]>("nextDue", queue.number)?.[0];
  const lapse = session.sql.first<[number]>("nextLapse", queue.number)?.[0];
  const dueIn = due === undefined ? undefined : due - session.now;
  const lapseIn = lapse === undefined ? undefined : Math.max(lapse - session.now, session.reapInMs);
  if (dueIn === undefined) return lapseIn;
  return lapseIn === undefined ? dueIn : Math.min(dueIn, lapseIn);
}

/** Pairs of seq and token: 1 where one row changed. */
function eachPair(pairs: readonly number[], change: (seq: number, token: number) => number): number[] {
  const answers: number[] = [];
  for (let i = 0; i < pairs.length; i += 2) answers.push(change(pairs[i] as number, pairs[i + 1] as number));
  return answers;
}

// A row per statement, many statements per transaction: measured level with `IN (SELECT value FROM json_each(?))` and with lists of
// parameters, and it alone says which of them were not ours.
export const ack: Handlers["ack"] = ({ sql }, pairs) => eachPair(pairs, (seq, token) => sql.run("ack", seq, token));

/** A lease that has ended is renewed all the same as long as nobody has reaped it. */
export const renew: Handlers["renew"] = ({ sql, now }, pairs) =>
  eachPair(pairs, (seq, token) => sql.run("renew", now, seq, token));

export const markStarted: Handlers["markStarted"] = ({ sql }, pairs) =>
  eachPair(pairs, (seq, token) => sql.run("markStarted", seq, token));

/** Nobody else may be there to reap what this process holds, so it reaps its own; not while it may have been standing still. */
export const lapse: Handlers["lapse"] = (session, pairs) =>
  eachPair(pairs, (seq, token) => {
    const { sql, now, mayReap } = session;
    if (!sql.any("isMine", seq, token)) return 0;
    if (!mayReap) return 1;
    if (session.anyRevoked && sql.run("dropRevokedLapsed", seq, token, now, now) === 1) return 0;
    return sql.run("lapse", seq, token, now) === 1 ? 0 : 1;
  });

export const release: Handlers["release"] = (session, rows) =>
  rows.map(([seq, token, marks]) =>
    droppedAsRevoked(session, seq, token) ? 1 : session.sql.run("release", marks, seq, token),
  );

export const requeue: Handlers["requeue"] = (session, rows) =>
  rows.map(([seq, token, delayMs, headers]) => {
    if (droppedAsRevoked(session, seq, token)) return 1;
    const { sql, now } = session;
    if (delayMs > 0) return sql.run("requeue", DELAYED, Math.ceil(now + delayMs), headers, seq, token);
    return sql.run("requeue", READY, backOfBand(session, seq, token), headers, seq, token);
  });

/** Behind those that became ready in this very millisecond, too. */
function backOfBand(session: Session, seq: number, token: number): number {
  const [queue, band] = session.sql.first<[number, number]>("owned", seq, token) ?? [];
  if (queue === undefined || band === undefined) return session.now;
  const last = session.sql.first<[number | null]>("lastInBand", queue, band)?.[0];
  return last == null ? session.now : Math.max(session.now, last + 1);
}

/** A revoked message never becomes ready again. */
function droppedAsRevoked(session: Session, seq: number, token: number): boolean {
  return session.anyRevoked && session.sql.run("dropRevoked", seq, token, session.now) === 1;
}

export const deadLetter: Handlers["deadLetter"] = (session, rows) => {
  const { sql, now } = session;
  const queues = new Set<number>();
  const answers = rows.map(([seq, token, code, details]) => {
    const queue = sql.first<[number]>("owned", seq, token)?.[0];
    if (queue === undefined) return 0;
    queues.add(queue);
    sql.run("bury", code, details, now, seq, token);
    return sql.run("ack", seq, token);
  });
  for (const queue of queues) sql.run("deadTrim", queue, session.queueByNumber(queue)?.maxDead ?? 0);
  session.deadChanged();
  return answers;
};
