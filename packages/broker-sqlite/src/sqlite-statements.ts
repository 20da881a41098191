/** Every statement of the adapter, one per name. Prepared when first used and kept. */

import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { DELAYED, OWNED, READY } from "./sqlite-schema.ts";

/** At most this many messages fall due or are reaped in one claim: bounds how long a claim holds the file. */
export const SWEEP_LIMIT = 1_000;

/** What several statements share, written `{name}` in them. */
const FRAGMENTS: Readonly<Record<string, string>> = {
  ready: String(READY),
  delayed: String(DELAYED),
  owned: String(OWNED),
  mine: `seq = ? AND token = ? AND state = ${OWNED}`,
  isRevoked: "id IN (SELECT id FROM lovage_revoked WHERE until > ?)",
  due: `SELECT seq FROM lovage_message
    WHERE queue = ? AND state = ${DELAYED} AND ready_at <= ? ORDER BY ready_at LIMIT ${SWEEP_LIMIT}`,
  lapsed: `SELECT seq FROM lovage_message
    WHERE queue = ? AND state = ${OWNED} AND lease_until <= ? ORDER BY lease_until LIMIT ${SWEEP_LIMIT}`,
};

const SQL = {
  begin: "BEGIN IMMEDIATE",
  commit: "COMMIT",
  rollback: "ROLLBACK",
  syncFull: "PRAGMA synchronous = FULL",
  syncNormal: "PRAGMA synchronous = NORMAL",
  dataVersion: "PRAGMA data_version",
  pageCount: "PRAGMA page_count",
  freePages: "PRAGMA freelist_count",

  clockRead: "SELECT value FROM lovage_meta WHERE name = 'clock'",
  reapFromRead: "SELECT coalesce(max(value), 0) FROM lovage_meta WHERE name = 'reap_from'",
  reapFromWrite: `INSERT INTO lovage_meta (name, value) VALUES ('reap_from', ?1)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value < excluded.value`,
  clockWrite: "UPDATE lovage_meta SET value = ?1 WHERE name = 'clock' AND value < ?1",

  queueByName: "SELECT number, lease_ms, max_dead, dead_retention_ms, paused FROM lovage_queue WHERE name = ?",
  queueByNumber: "SELECT number, lease_ms, max_dead, dead_retention_ms, paused FROM lovage_queue WHERE number = ?",
  queueInsert:
    "INSERT INTO lovage_queue (name, lease_ms, max_dead, dead_retention_ms) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
  queueUpdate: "UPDATE lovage_queue SET lease_ms = ?, max_dead = ?, dead_retention_ms = ? WHERE number = ?",
  queueNames: "SELECT name FROM lovage_queue WHERE name IS NOT NULL ORDER BY name",
  queuePause: "UPDATE lovage_queue SET paused = ? WHERE name = ?",
  queueCondemn: "UPDATE lovage_queue SET name = NULL WHERE number = ?",
  queueCondemned: "SELECT number FROM lovage_queue WHERE name IS NULL LIMIT 1",
  queueRemove: "DELETE FROM lovage_queue WHERE number = ?",

  publish: `INSERT INTO lovage_message
    (queue, id, state, band, ready_at, lease_until, token, deliveries, starts, headers, body)
    VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, 0, 0, ?7, ?8) ON CONFLICT (id) DO NOTHING`,

  anyRevoked: "SELECT 1 FROM lovage_revoked LIMIT 1",
  isRevoked: "SELECT 1 FROM lovage_revoked WHERE id = ? AND until > ?",
  revoke: "INSERT INTO lovage_revoked (id, until) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET until = excluded.until",
  revokeForget: "DELETE FROM lovage_revoked WHERE id = ?",
  revokeExpire: "DELETE FROM lovage_revoked WHERE id IN (SELECT id FROM lovage_revoked WHERE until <= ? LIMIT 1000)",
  revokeExpired: "SELECT 1 FROM lovage_revoked WHERE until <= ? LIMIT 1",
  removeWaiting: `DELETE FROM lovage_message WHERE id = ? AND state <> {owned}`,
  messageState: "SELECT state FROM lovage_message WHERE id = ?",

  // The probes read the index only; a claim that would find nothing never asks for the write lock.
  anyReady: `SELECT 1 FROM lovage_message WHERE queue = ? AND state = {ready} LIMIT 1`,
  nextDue: `SELECT ready_at FROM lovage_message WHERE queue = ? AND state = {delayed} ORDER BY ready_at LIMIT 1`,
  nextLapse: `SELECT lease_until FROM lovage_message WHERE queue = ? AND state = {owned} ORDER BY lease_until LIMIT 1`,
  promote: `UPDATE lovage_message SET state = {ready} WHERE seq IN ({due})`,
  reap: `UPDATE lovage_message SET state = {ready} WHERE seq IN ({lapsed})`,
  reapRevoked: `DELETE FROM lovage_message WHERE seq IN ({lapsed}) AND {isRevoked}`,
  claim: `UPDATE lovage_message SET state = {owned}, lease_until = ?, token = ?, deliveries = deliveries + 1
    WHERE seq IN (SELECT seq FROM lovage_message
      WHERE queue = ? AND state = {ready} ORDER BY band, ready_at, seq LIMIT ?)
    RETURNING seq, id, band, ready_at, deliveries, starts, headers, body`,

  // Settlements: no row changes for whoever no longer holds the token.
  ack: `DELETE FROM lovage_message WHERE {mine}`,
  renew: `UPDATE lovage_message SET lease_until = ?1 + (SELECT lease_ms FROM lovage_queue WHERE number = queue)
    WHERE seq = ?2 AND token = ?3 AND state = {owned}`,
  lapse: "UPDATE lovage_message SET state = {ready} WHERE {mine} AND lease_until <= ?",
  isMine: "SELECT 1 FROM lovage_message WHERE {mine}",
  markStarted: `UPDATE lovage_message SET starts = starts + 1 WHERE {mine}`,
  dropRevokedLapsed: "DELETE FROM lovage_message WHERE {mine} AND {isRevoked} AND lease_until <= ?",
  dropRevoked: `DELETE FROM lovage_message WHERE {mine} AND {isRevoked}`,
  release: `UPDATE lovage_message SET state = {ready}, starts = max(0, starts - ?) WHERE {mine}`,
  requeue: `UPDATE lovage_message SET state = ?, ready_at = ?, starts = 0, headers = coalesce(?, headers) WHERE {mine}`,
  bury: `INSERT INTO lovage_dead (queue, id, band, deliveries, code, details, dead_at, headers, body)
    SELECT queue, id, band, deliveries, ?, ?, ?, headers, body FROM lovage_message WHERE {mine}`,
  owned: `SELECT queue, band FROM lovage_message WHERE {mine}`,
  lastInBand: `SELECT max(ready_at) FROM lovage_message WHERE queue = ? AND state = {ready} AND band = ?`,

  readyCount: `SELECT count(*) FROM lovage_message WHERE queue = ? AND state = {ready}`,
  delayedCount: `SELECT count(*) FROM lovage_message WHERE queue = ? AND state = {delayed} AND ready_at > ?`,
  dueCount: `SELECT count(*) FROM lovage_message WHERE queue = ? AND state = {delayed} AND ready_at <= ?`,
  ownedCount: `SELECT count(*) FROM lovage_message WHERE queue = ? AND state = {owned}`,
  deadCount: "SELECT count(*) FROM lovage_dead WHERE queue = ?",
  // Within a band the first is the oldest.
  oldestInBand: `SELECT ready_at FROM lovage_message
    WHERE queue = ? AND state = {ready} AND band = ? ORDER BY ready_at LIMIT 1`,
  lastMessage: "SELECT coalesce(max(seq), 0) FROM lovage_message",
  lastDead: "SELECT coalesce(max(seq), 0) FROM lovage_dead",
  purgeReady: `DELETE FROM lovage_message WHERE seq IN (
    SELECT seq FROM lovage_message WHERE queue = ? AND state = {ready} AND seq <= ? LIMIT ?)`,
  purgeDue: `DELETE FROM lovage_message WHERE seq IN (
    SELECT seq FROM lovage_message WHERE queue = ? AND state = {delayed} AND ready_at <= ? AND seq <= ? LIMIT ?)`,
  destroyReady: `DELETE FROM lovage_message WHERE seq IN (
    SELECT seq FROM lovage_message WHERE queue = ? AND state = {ready} LIMIT ?)`,
  destroyDelayed: `DELETE FROM lovage_message WHERE seq IN (
    SELECT seq FROM lovage_message WHERE queue = ? AND state = {delayed} LIMIT ?)`,
  destroyOwned: `DELETE FROM lovage_message WHERE seq IN (
    SELECT seq FROM lovage_message WHERE queue = ? AND state = {owned} LIMIT ?)`,
  destroyDead: "DELETE FROM lovage_dead WHERE seq IN (SELECT seq FROM lovage_dead WHERE queue = ? LIMIT ?)",

  anyDead: "SELECT 1 FROM lovage_dead LIMIT 1",
  isDead: "SELECT 1 FROM lovage_dead WHERE id = ?",
  deadSeq: "SELECT seq FROM lovage_dead WHERE id = ? AND queue = ?",
  deadList: `SELECT id, 9 - band, headers, body, deliveries, code, details, dead_at FROM lovage_dead
    WHERE queue = ? AND seq > ? ORDER BY seq LIMIT ?`,
  deadOne: `SELECT id, 9 - band, headers, body, deliveries, code, details, dead_at FROM lovage_dead
    WHERE queue = ? AND id = ?`,
  deadFirst: "SELECT seq, id FROM lovage_dead WHERE queue = ? AND seq <= ? ORDER BY seq LIMIT ?",
  deadRemove: "DELETE FROM lovage_dead WHERE seq = ?",
  deadTrim: `DELETE FROM lovage_dead WHERE seq IN (
    SELECT seq FROM lovage_dead WHERE queue = ? ORDER BY seq DESC LIMIT -1 OFFSET ?)`,
  deadExpire: `DELETE FROM lovage_dead WHERE seq IN (
    SELECT seq FROM (SELECT seq, dead_at FROM lovage_dead WHERE queue = ?1 ORDER BY seq LIMIT 1000)
    WHERE dead_at <= ?2)`,
  deadExpired:
    "SELECT 1 FROM (SELECT dead_at FROM lovage_dead WHERE queue = ? ORDER BY seq LIMIT 1) WHERE dead_at <= ?",
  redrive: `INSERT INTO lovage_message
    (queue, id, state, band, ready_at, lease_until, token, deliveries, starts, headers, body)
    SELECT queue, id, {ready}, band, ?2, ?2, ?3, 0, 0, json_remove(headers, '$.attempt', '$.starts'), body
    FROM lovage_dead WHERE seq = ?1`,
  queuesForSweep: "SELECT number, dead_retention_ms FROM lovage_queue",

  resultWrite: `INSERT INTO lovage_result
    (id, task, state, final, attempt, version, value, error, progress, worker, started_at, finished_at, ttl_ms, expires_at)
    VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13 + ?12)
    ON CONFLICT (id) DO UPDATE SET task = excluded.task, state = excluded.state, final = excluded.final,
      attempt = excluded.attempt, version = version + 1, value = excluded.value, error = excluded.error,
      progress = excluded.progress, worker = excluded.worker, started_at = excluded.started_at,
      finished_at = excluded.finished_at, ttl_ms = excluded.ttl_ms, expires_at = excluded.expires_at
    WHERE (final = 0 AND excluded.attempt >= attempt) OR expires_at <= ?13`,
  resultRead: `SELECT id, task, state, final, attempt, version, value, error, progress, worker, started_at, finished_at, ttl_ms
    FROM lovage_result WHERE id = ? AND expires_at > ?`,
  resultForget: "DELETE FROM lovage_result WHERE id = ?",
  resultExpire:
    "DELETE FROM lovage_result WHERE rowid IN (SELECT rowid FROM lovage_result WHERE expires_at <= ? LIMIT 1000)",
  resultExpired: "SELECT 1 FROM lovage_result WHERE expires_at <= ? LIMIT 1",

  commandPost: "INSERT INTO lovage_command (body, expires_at) VALUES (?, ?)",
  commandRead: "SELECT seq, body FROM lovage_command WHERE seq > ? AND expires_at > ? ORDER BY seq",
  commandRemove: "DELETE FROM lovage_command WHERE seq = ?",
  commandExpire: "DELETE FROM lovage_command WHERE expires_at <= ?",
  commandExpired: "SELECT 1 FROM lovage_command WHERE expires_at <= ? LIMIT 1",
  commandAlive: "SELECT 1 FROM lovage_command WHERE seq = ? AND expires_at > ?",
  replyPost: "INSERT INTO lovage_reply (command, body, expires_at) VALUES (?, ?, ?)",
  replyRead: "SELECT command, seq, body FROM lovage_reply WHERE command = ? AND seq > ? ORDER BY seq",
  replyRemove: "DELETE FROM lovage_reply WHERE command = ?",
  replyExpire: "DELETE FROM lovage_reply WHERE expires_at <= ?",
  replyExpired: "SELECT 1 FROM lovage_reply WHERE expires_at <= ? LIMIT 1",
  eventPost: "INSERT INTO lovage_event (body, expires_at) VALUES (?, ?)",
  eventClear: "DELETE FROM lovage_event",
  eventCount: "SELECT count(*) FROM lovage_event",
  eventRead: "SELECT seq, body FROM lovage_event WHERE seq > ? AND expires_at > ? ORDER BY seq LIMIT 200",
  eventExpire: "DELETE FROM lovage_event WHERE expires_at <= ?",
  eventExpired: "SELECT 1 FROM lovage_event WHERE expires_at <= ? LIMIT 1",
  lastOf: "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?",
  presencePut:
    "INSERT INTO lovage_presence (kind, id, until) VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET until = excluded.until",
  presenceAny: "SELECT 1 FROM lovage_presence WHERE kind = ? LIMIT 1",
  presenceRemove: "DELETE FROM lovage_presence WHERE kind = ? AND id = ?",
  presenceCount: "SELECT count(*) FROM lovage_presence WHERE kind = ? AND until > ?",
  presenceUntil: "SELECT coalesce(max(until), 0) FROM lovage_presence WHERE kind = ?",
  presenceExpire: "DELETE FROM lovage_presence WHERE until <= ?",
  presenceExpired: "SELECT 1 FROM lovage_presence WHERE until <= ? LIMIT 1",
} as const;

export type StatementName = keyof typeof SQL;

export function statementText(name: StatementName): string {
  return SQL[name].replace(/\{(\w+)\}/g, (_, fragment: string) => FRAGMENTS[fragment] as string);
}

export class Statements {
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<StatementName, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Runs it and answers how many rows changed. */
  run(name: StatementName, ...values: SQLInputValue[]): number {
    return this.#of(name).run(...values).changes as number;
  }

  /** Runs an INSERT and answers the row's number. */
  insert(name: StatementName, ...values: SQLInputValue[]): number {
    return this.#of(name).run(...values).lastInsertRowid as number;
  }

  /** The rows as arrays, in the order of the columns. */
  all<Row extends readonly unknown[]>(name: StatementName, ...values: SQLInputValue[]): Row[] {
    return this.#of(name).all(...values) as unknown as Row[];
  }

  first<Row extends readonly unknown[]>(name: StatementName, ...values: SQLInputValue[]): Row | undefined {
    return this.#of(name).get(...values) as unknown as Row | undefined;
  }

  number(name: StatementName, ...values: SQLInputValue[]): number {
    return this.first<[number]>(name, ...values)?.[0] ?? 0;
  }

  any(name: StatementName, ...values: SQLInputValue[]): boolean {
    return this.first(name, ...values) !== undefined;
  }

  #of(name: StatementName): StatementSync {
    let statement = this.#prepared.get(name);
    if (statement === undefined) {
      statement = this.#db.prepare(statementText(name));
      statement.setReturnArrays(true);
      this.#prepared.set(name, statement);
    }
    return statement;
  }
}
