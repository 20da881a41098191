import { randomUUID } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import type { ClaimAnswer, Operation, OperationMap, OperationName } from "../src/sqlite-operations.ts";
import { addMessage, noColumns } from "../src/sqlite-publishing.ts";
import { type StatementName, statementText } from "../src/sqlite-statements.ts";
import { Storage } from "../src/storage/storage.ts";
import { message, temporaryFile } from "./temporary.ts";

function ask<K extends OperationName>(storage: Storage, op: K, input: OperationMap[K]["in"]): OperationMap[K]["out"] {
  const reply = storage.execute({ operations: [{ op, input } as Operation], apart: false });
  const answer = reply.ok ? reply.replies[0] : reply;
  if (answer?.ok !== true) throw new Error(JSON.stringify(answer));
  return answer.value as OperationMap[K]["out"];
}

function opened(path = temporaryFile()): Storage {
  const storage = new Storage(path);
  onTestFinished(() => storage.close());
  ask(storage, "ensureQueue", { name: "q" });
  return storage;
}

/** As many messages as asked, written by SQLite itself: publishing a million one by one is not what is tested. */
function fill(path: string, count: number, state: number, readyAt: number): void {
  const db = new DatabaseSync(path);
  db.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
     INSERT INTO lovage_message (queue, id, state, band, ready_at, lease_until, token, deliveries, starts, headers, body)
     SELECT 1, printf('%s-%09d', ?2, i), ?3, 4, ?4 + i, ?4 + i, 1099511627776, 0, 0, '{"task":"t"}', '[[]]' FROM n`,
  ).run(count, randomUUID(), state, readyAt);
  db.close();
}

/** The least of several runs: what the work costs, not what else the machine does. */
function fastest(runs: number, run: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i += 1) {
    const startedAt = performance.now();
    run();
    least = Math.min(least, performance.now() - startedAt);
  }
  return least;
}

describe("claims stay flat", () => {
  it("finds everything on the hot path through an index, without sorting", () => {
    const path = temporaryFile();
    opened(path);
    const db = new DatabaseSync(path);
    onTestFinished(() => db.close());
    const hot: StatementName[] = [
      "claim",
      "promote",
      "reap",
      "anyReady",
      "nextDue",
      "nextLapse",
      "ack",
      "renew",
      "release",
      "requeue",
      "oldestInBand",
      "lastInBand",
      "resultRead",
      "deadExpired",
      "resultExpired",
    ];
    for (const name of hot) {
      const plan = db.prepare(`EXPLAIN QUERY PLAN ${statementText(name)}`).all() as { detail: string }[];
      const details = plan.map(({ detail }) => detail).join("\n");
      expect(details, name).not.toMatch(/TEMP B-TREE|AUTOMATIC/);
      expect(details, name).not.toMatch(/SCAN lovage_(message|result)/);
    }
    const plan = db.prepare(`EXPLAIN QUERY PLAN ${statementText("claim")}`).all() as { detail: string }[];
    expect(plan.map(({ detail }) => detail)).toContain(
      "SEARCH lovage_message USING COVERING INDEX lovage_message_ready (queue=?)",
    );
  });

  it("claims as fast from a million ready and a million delayed messages as from a thousand", () => {
    const claimAndAck = (storage: Storage): void => {
      const { claimed } = ask(storage, "claim", { queue: "q", limit: 100 });
      expect(claimed?.ids.length).toBe(100);
      ask(storage, "ack", claimed?.seqs.flatMap((seq) => [seq, claimed.token]) ?? []);
    };
    const small = temporaryFile();
    const few = opened(small);
    fill(small, 1_000, 2, Date.now() - 3_600_000);
    const big = temporaryFile();
    const many = opened(big);
    fill(big, 1_000_000, 2, Date.now() - 3_600_000);
    fill(big, 1_000_000, 3, Date.now() + 3_600_000);
    claimAndAck(few);
    claimAndAck(many);
    const small8 = fastest(8, () => claimAndAck(few));
    const big8 = fastest(8, () => claimAndAck(many));
    // A scan of either million takes over 20 ms; a claim and its ack take one or two.
    expect(big8).toBeLessThan(small8 * 3 + 5);
  }, 60_000);
});

describe("the order of a claim", () => {
  it("is by priority, then by the time of becoming ready, whatever RETURNING says", () => {
    const storage = opened();
    const columns = noColumns();
    for (const priority of [1, 9, 5, 9, 0, 5]) addMessage(columns, message({ priority, id: `${columns.ids.length}` }));
    ask(storage, "publish", { ...columns, maxBytes: undefined });
    const answer: ClaimAnswer = ask(storage, "claim", { queue: "q", limit: 10 });
    expect(answer.claimed?.ids).toEqual(["1", "3", "2", "5", "0", "4"]);
  });

  it("puts a requeued message behind those that became ready in the same millisecond", () => {
    const storage = opened();
    const columns = noColumns();
    for (const id of ["a", "b", "c"]) addMessage(columns, message({ id }));
    ask(storage, "publish", { ...columns, maxBytes: undefined });
    const { claimed } = ask(storage, "claim", { queue: "q", limit: 1 });
    ask(storage, "requeue", [[claimed?.seqs[0] as number, claimed?.token as number, 0, null]]);
    expect(ask(storage, "claim", { queue: "q", limit: 3 }).claimed?.ids).toEqual(["b", "c", "a"]);
  });
});

describe("a claim that finds nothing", () => {
  it("never takes the write lock", () => {
    const path = temporaryFile();
    const storage = opened(path);
    const other = new DatabaseSync(path);
    onTestFinished(() => other.close());
    other.exec("BEGIN IMMEDIATE");
    expect(ask(storage, "claim", { queue: "q", limit: 10 })).toMatchObject({ found: true, exhausted: true });
    expect(ask(storage, "sweep", null)).toBe(false);
    other.exec("COMMIT");
  });
});
