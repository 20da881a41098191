/** Commands, replies and events: rows that expire within seconds. */

import type { OperationMap } from "../sqlite-operations.ts";
import type { Handler } from "./session.ts";

type Handlers = { [K in keyof OperationMap]: Handler<OperationMap[K]["in"], OperationMap[K]["out"]> };

/** Batches of events in the file at one time; beyond that events are dropped. */
const MAX_EVENT_ROWS = 500;

export const postCommand: Handlers["postCommand"] = ({ sql, now }, { body, ttlMs }) =>
  sql.insert("commandPost", body, now + ttlMs);

/** Nobody waits for a reply any more once the command is gone. */
export const postReply: Handlers["postReply"] = ({ sql, now }, { command, body, ttlMs }) => {
  if (sql.any("commandAlive", command, now)) sql.run("replyPost", command, body, now + ttlMs);
  return null;
};

export const finishCommand: Handlers["finishCommand"] = ({ sql }, command) => {
  sql.run("commandRemove", command);
  sql.run("replyRemove", command);
  return null;
};

export const appear: Handlers["appear"] = ({ sql, now }, { kind, id, forMs }) => {
  sql.run("presencePut", kind, id, now + forMs);
  return null;
};

export const disappear: Handlers["disappear"] = ({ sql }, { kind, id }) => {
  sql.run("presenceRemove", kind, id);
  // Events are for who listens now: with the last listener they go, too.
  if (kind === "listener" && !sql.any("presenceAny", kind)) sql.run("eventClear");
  return null;
};

export const countPresent: Handlers["countPresent"] = ({ sql, now }, kind) => sql.number("presenceCount", kind, now);

export const postEvents: Handlers["postEvents"] = ({ sql, now }, { body, ttlMs }) => {
  if (sql.number("presenceCount", "listener", now) === 0) return true;
  if (sql.number("eventCount") >= MAX_EVENT_ROWS) sql.run("eventExpire", now);
  if (sql.number("eventCount") >= MAX_EVENT_ROWS) return false;
  sql.run("eventPost", body, now + ttlMs);
  return true;
};

/** Where a new server or listener begins: what was there before is not for it. */
export const lastControl: Handlers["lastControl"] = ({ sql }) => ({
  command: sql.number("lastOf", "lovage_command"),
  event: sql.number("lastOf", "lovage_event"),
});

export const pollControl: Handlers["pollControl"] = ({ sql, now }, { commandsAfter, eventsAfter, replies }) => ({
  commands: commandsAfter === undefined ? [] : sql.all<[number, string]>("commandRead", commandsAfter, now),
  events: eventsAfter === undefined ? [] : sql.all<[number, string]>("eventRead", eventsAfter, now),
  replies: replies.flatMap(([command, after]) => sql.all<[number, number, string]>("replyRead", command, after)),
  listenedForMs: Math.max(0, sql.number("presenceUntil", "listener") - now),
});
