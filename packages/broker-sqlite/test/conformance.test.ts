import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { BrokerHarness } from "@lovage/conformance";
import { describeBroker, describeControlChannel, describeResultStore } from "@lovage/conformance/vitest";
import { afterAll } from "vitest";
import { sqliteBroker, sqliteResults } from "../src/index.ts";
import { TABLES } from "../src/sqlite-schema.ts";
import { hardRestart } from "./hard-restart.ts";

/** Revoked ids are remembered for a day, by promise; the meta table is fixed. */
const KEPT = new Set(["lovage_meta", "lovage_revoked"]);

interface Place {
  readonly path: string;
  open(): Promise<DatabaseSync>;
}

function place(): Place {
  const folder = mkdtempSync(join(tmpdir(), "lovage-sqlite-conformance-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "lovage.db");
  return {
    path,
    async open() {
      const first = sqliteBroker({ path, placement: "loop" });
      await first.connect();
      await first.close();
      const db = new DatabaseSync(path);
      db.exec("PRAGMA busy_timeout = 5000");
      return db;
    },
  };
}

const MAX_BYTES = 64 * 1024 * 1024;

function harness(name: string, { path, open }: Place, placement: "thread" | "loop"): BrokerHarness {
  return {
    name,
    create: ({ operationTimeoutMs } = {}) =>
      sqliteBroker({
        path,
        placement,
        maxBytes: MAX_BYTES,
        ...(operationTimeoutMs === undefined ? {} : { operationTimeoutMs }),
      }),
    spawnable: { module: new URL("make-broker.ts", import.meta.url), args: [path] },
    // No `skewable`: all who have the file open are on one host, so there is one clock, and no client's to be wrong.
    faults: {
      // On the caller's own loop nothing can be killed without it.
      ...(placement === "thread" ? { restart: () => hardRestart(path) } : {}),
      /** Another connection holds the write lock. */
      async freeze() {
        const db = await open();
        db.exec("BEGIN IMMEDIATE");
        return async () => {
          db.exec("ROLLBACK");
          db.close();
        };
      },
      /** Somebody else's table takes all the room that the file may have. */
      async fill() {
        const db = await open();
        db.exec(`CREATE TABLE filler (bytes BLOB); INSERT INTO filler VALUES (zeroblob(${MAX_BYTES}))`);
        return async () => {
          db.exec("DROP TABLE filler");
          db.close();
        };
      },
    },
    async leftovers() {
      const db = await open();
      const rows = TABLES.filter((table) => !KEPT.has(table)).flatMap((table) =>
        db
          .prepare(`SELECT * FROM ${table} LIMIT 10`)
          .all()
          .map((row) => `${table}: ${JSON.stringify(row)}`),
      );
      db.close();
      return rows;
    },
  };
}

/** Both placements run the same storage; the other one is proven with `LOVAGE_SQLITE_PLACEMENT=loop`. */
const placement = process.env.LOVAGE_SQLITE_PLACEMENT === "loop" ? "loop" : "thread";

describeBroker(harness("sqlite", place(), placement));
describeControlChannel(harness("sqlite", place(), placement));

const results = place();
describeResultStore({ name: "sqlite", create: () => sqliteResults(results.path) });
