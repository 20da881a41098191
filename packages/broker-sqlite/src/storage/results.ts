/** Results: a row per task, replaced by compare-and-set on (final, attempt). */

import type { OperationMap, ResultRow } from "../sqlite-operations.ts";
import type { Handler } from "./session.ts";

type Handlers = { [K in keyof OperationMap]: Handler<OperationMap[K]["in"], OperationMap[K]["out"]> };

export const writeResults: Handlers["writeResults"] = ({ sql, now }, rows) => {
  for (const row of rows) {
    const [id, task, state, final, attempt, , value, error, progress, worker, startedAt, finishedAt, ttlMs] = row;
    sql.run(
      "resultWrite",
      id,
      task,
      state,
      final,
      attempt,
      value,
      error,
      progress,
      worker,
      startedAt,
      finishedAt,
      ttlMs,
      now,
    );
  }
  return null;
};

export const readResults: Handlers["readResults"] = ({ sql, now }, ids) =>
  ids.map((id) => sql.first<ResultRow>("resultRead", id, now) ?? null);

export const forgetResults: Handlers["forgetResults"] = ({ sql }, ids) => {
  for (const id of ids) sql.run("resultForget", id);
  return null;
};
