/** What has expired goes: in small steps, by every process, whoever comes first. Readers skip expired rows anyway. */

import { destroyRows } from "./queues.ts";
import type { Session } from "./session.ts";

const BY_TIME = [
  ["resultExpired", "resultExpire"],
  ["revokeExpired", "revokeExpire"],
  ["commandExpired", "commandExpire"],
  ["replyExpired", "replyExpire"],
  ["eventExpired", "eventExpire"],
  ["presenceExpired", "presenceExpire"],
] as const;

/** Answers false where there is nothing to remove. */
export function peekSweep({ sql, now }: Session): false | undefined {
  if (BY_TIME.some(([expired]) => sql.any(expired, now))) return undefined;
  if (sql.any("queueCondemned")) return undefined;
  const queues = sql.all<[number, number]>("queuesForSweep");
  return queues.some(([number, retentionMs]) => sql.any("deadExpired", number, now - retentionMs)) ? undefined : false;
}

export function sweep(session: Session): boolean {
  const { sql, now } = session;
  let most = 0;
  for (const [, expire] of BY_TIME) most = Math.max(most, sql.run(expire, now));
  for (const [number, retentionMs] of sql.all<[number, number]>("queuesForSweep")) {
    most = Math.max(most, sql.run("deadExpire", number, now - retentionMs));
  }
  const condemned = sql.first<[number]>("queueCondemned")?.[0];
  return (condemned !== undefined && destroyRows(session, condemned).more) || most >= 1_000;
}
