import type { DatabaseSync } from "node:sqlite";
import { ConfigurationError, type OutgoingMessage, type PublishOutcome } from "@lovage/core/contracts";
import { checked } from "./sqlite-admin.ts";
import { sqliteCapabilities } from "./sqlite-capabilities.ts";
import { SqliteClock } from "./sqlite-clock.ts";
import { DEFAULT_MAX_MESSAGE_BYTES } from "./sqlite-options.ts";
import { addMessage, noColumns, outcomeOf, refusal } from "./sqlite-publishing.ts";
import { Statements } from "./sqlite-statements.ts";
import { publishOne } from "./storage/messages.ts";
import { ensureLayout } from "./storage/open.ts";
import { declareQueue } from "./storage/queues.ts";
import { Session } from "./storage/session.ts";

interface Prepared {
  readonly sql: Statements;
  readonly clock: SqliteClock;
}

const prepared = new WeakMap<DatabaseSync, Prepared>();

/**
 * Publishes inside the caller's own transaction: the messages appear when it commits, and never do when it rolls back. `db` is the caller's
 * connection to the broker's file, after `BEGIN`; workers notice the commit as they notice any other.
 *
 * Answers one outcome per message, in order, as `publish` does, and never rolls back or commits. Creates the tables and missing queues
 * (with default settings) as part of the transaction. Throws `ConfigurationError` outside a transaction, and what `db` throws.
 */
export function publishInTransaction(
  db: DatabaseSync,
  messages: readonly OutgoingMessage[],
  options: { readonly maxMessageBytes?: number } = {},
): readonly PublishOutcome[] {
  if (!db.isTransaction) {
    throw new ConfigurationError(
      'publishInTransaction needs an open transaction; call db.exec("BEGIN IMMEDIATE") first',
    );
  }
  let known = prepared.get(db);
  if (known === undefined) {
    known = { sql: new Statements(db), clock: new SqliteClock() };
    prepared.set(db, known);
  }
  const { sql, clock } = known;
  ensureLayout(db, clock.now());
  clock.observe(sql.number("clockRead"));
  const session = new Session(sql, clock.now(), { mayReap: false, reapInMs: 0 });
  const limits = sqliteCapabilities(options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES);
  return messages.map((message): PublishOutcome => {
    const { id, queue } = message;
    const error = refusal(message, limits);
    if (error !== undefined) return { id, status: "refused", error };
    if (session.queue(queue) === undefined) declareQueue(session, checked({ name: queue }).name, {});
    const columns = noColumns();
    addMessage(columns, message);
    return outcomeOf(message, publishOne(session, columns, 0, false), "");
  });
}
