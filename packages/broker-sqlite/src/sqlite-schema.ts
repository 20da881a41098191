/**
 * The data layout, in one place. All names begin with `lovage_`, so that the file may be the application's own.
 *
 * lovage_meta      name → number: `layout` (the number below), `clock` (the highest time seen, ms since the epoch),
 *                    `reap_from` (after nobody could write for a while: ended leases are given to others from then on).
 * lovage_queue     a declared queue with its settings. `name` is null while a destroyed queue's rows are being removed. Numbers are never used again.
 * lovage_message   a message that is ready, delayed or owned, until it is acked or dead.
 *   seq            identity within the file; order among messages that became ready in the same millisecond
 *   state          READY, DELAYED or OWNED: each state has its partial index, so that a claim costs the same whatever waits beside it
 *   band           9 − priority: the smallest goes first
 *   ready_at       when it became or will become ready; kept while owned, so that what is given back returns to its place
 *   lease_until    when ownership ends; until then `token` is needed to settle it
 *   token          a new random number at each claim: the fence
 *   deliveries     hand-overs so far; starts: runs recorded by markStarted since the last requeue
 * lovage_dead      dead letters, oldest first by seq.
 * lovage_revoked   ids whose copies are dropped when they appear, until an instant.
 * lovage_result    results by task id. `version` counts the writes, so that a waiter sees what it has not seen.
 * lovage_command, lovage_reply, lovage_event
 *                  control and events: rows that expire within seconds.
 * lovage_presence  who serves commands (`worker`) and who listens to events (`listener`), each until an instant that it keeps moving on.
 *
 * Columns that change while a message is owned keep their width (states are not 0 or 1, instants and tokens always take six bytes), so that
 * SQLite overwrites the row in place and a body of a megabyte is not written again with each renewal.
 */

import type { DatabaseSync } from "node:sqlite";

/** Raised with every change of the tables below. A file with a higher number is refused. */
export const LAYOUT = 1;

export const READY = 2;
export const DELAYED = 3;
export const OWNED = 4;

export const TABLES: readonly string[] = [
  "lovage_meta",
  "lovage_queue",
  "lovage_message",
  "lovage_dead",
  "lovage_revoked",
  "lovage_result",
  "lovage_command",
  "lovage_reply",
  "lovage_event",
  "lovage_presence",
];

const CREATE = `
CREATE TABLE lovage_meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE lovage_queue (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  lease_ms INTEGER NOT NULL,
  max_dead INTEGER NOT NULL,
  dead_retention_ms INTEGER NOT NULL,
  paused INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE lovage_message (
  seq INTEGER PRIMARY KEY,
  queue INTEGER NOT NULL,
  id TEXT NOT NULL UNIQUE,
  state INTEGER NOT NULL,
  band INTEGER NOT NULL,
  ready_at INTEGER NOT NULL,
  lease_until INTEGER NOT NULL,
  token INTEGER NOT NULL,
  deliveries INTEGER NOT NULL,
  starts INTEGER NOT NULL,
  headers TEXT NOT NULL,
  body NOT NULL
);
CREATE INDEX lovage_message_ready ON lovage_message (queue, band, ready_at) WHERE state = ${READY};
CREATE INDEX lovage_message_delayed ON lovage_message (queue, ready_at) WHERE state = ${DELAYED};
CREATE INDEX lovage_message_owned ON lovage_message (queue, lease_until) WHERE state = ${OWNED};

CREATE TABLE lovage_dead (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  queue INTEGER NOT NULL,
  id TEXT NOT NULL UNIQUE,
  band INTEGER NOT NULL,
  deliveries INTEGER NOT NULL,
  code TEXT NOT NULL,
  details TEXT,
  dead_at INTEGER NOT NULL,
  headers TEXT NOT NULL,
  body NOT NULL
);
CREATE INDEX lovage_dead_queue ON lovage_dead (queue);

CREATE TABLE lovage_revoked (id TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX lovage_revoked_until ON lovage_revoked (until);

CREATE TABLE lovage_result (
  id TEXT PRIMARY KEY,
  task TEXT NOT NULL,
  state TEXT NOT NULL,
  final INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  version INTEGER NOT NULL,
  value,
  error TEXT,
  progress,
  worker TEXT,
  started_at REAL,
  finished_at REAL,
  ttl_ms INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
);
CREATE INDEX lovage_result_expires ON lovage_result (expires_at);

CREATE TABLE lovage_command (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL, expires_at INTEGER NOT NULL
);
CREATE TABLE lovage_reply (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, command INTEGER NOT NULL, body TEXT NOT NULL, expires_at INTEGER NOT NULL
);
CREATE INDEX lovage_reply_command ON lovage_reply (command);
CREATE TABLE lovage_event (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL, expires_at INTEGER NOT NULL
);
CREATE TABLE lovage_presence (
  kind TEXT NOT NULL, id TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (kind, id)
) WITHOUT ROWID;
`;

/** The layout that the file has; undefined when it has none of ours. */
export function layoutOf(db: DatabaseSync): number | undefined {
  const present = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'lovage_meta'").get();
  if (present === undefined) return undefined;
  const row = db.prepare("SELECT value FROM lovage_meta WHERE name = 'layout'").get() as { value: number } | undefined;
  return row?.value;
}

/** Creates the tables. Call inside a write transaction, after {@link layoutOf} said that there are none. */
export function createLayout(db: DatabaseSync, now: number): void {
  db.exec(CREATE);
  db.prepare("INSERT INTO lovage_meta (name, value) VALUES ('layout', ?), ('clock', ?)").run(LAYOUT, now);
}
