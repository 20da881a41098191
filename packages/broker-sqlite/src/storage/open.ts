/** Opening the file: every way in which it can be unfit is told apart here. */

import { accessSync, constants, existsSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { STORAGE_CODES, StorageRefusal } from "../sqlite-errors.ts";
import { createLayout, LAYOUT, layoutOf, TABLES } from "../sqlite-schema.ts";
import { networkFileSystem } from "./file-systems.ts";

/** Waiting inside SQLite holds the thread, so it is short; longer waits are ours, asynchronous and with jitter. */
const BUSY_TIMEOUT_MS = 10;
/** Pages of 4 KiB after which the log is copied into the file: rarer copies cost less, the log on disk is about this long. */
const CHECKPOINT_PAGES = 2_000;
/** A file up to this size is checked as a whole when it is opened (some 10 ms); a larger one by `lovage doctor`. */
const CHECK_BYTES = 16 * 1024 * 1024;

/** Opens the file, sets what must be set, and creates our tables or checks them. Throws `StorageRefusal` or what SQLite throws. */
export function openDatabase(path: string, now: number): DatabaseSync {
  const folder = dirname(path);
  if (!existsSync(folder)) {
    throw new StorageRefusal(
      STORAGE_CODES.noFolder,
      `the folder ${folder} does not exist; create it, or give another path`,
    );
  }
  const network = networkFileSystem(statfsSync(folder).type);
  if (network !== undefined) {
    throw new StorageRefusal(
      STORAGE_CODES.networkFileSystem,
      `${path} is on a network file system (${network}), where SQLite's locks do not hold; use a local disk, or another broker`,
    );
  }
  if (existsSync(path) && statSync(path).isDirectory()) {
    throw new StorageRefusal(STORAGE_CODES.cannotOpen, `${path} is a folder; give the path of a file`);
  }
  // SQLite opens what it may not write for reading, and says so at the first write only.
  if (!writable(folder) || (existsSync(path) && !writable(path))) {
    throw new StorageRefusal(
      STORAGE_CODES.readOnly,
      `${path} cannot be written by this user; check the owner and permissions of the file and its folder`,
    );
  }
  const db = new DatabaseSync(path);
  try {
    prepare(db, path, now);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function writable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function prepare(db: DatabaseSync, path: string, now: number): void {
  db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  const { journal_mode: journal } = db.prepare("PRAGMA journal_mode = WAL").get() as { journal_mode: string };
  if (journal !== "wal") {
    throw new StorageRefusal(
      STORAGE_CODES.noWal,
      `${path} cannot be switched to WAL (it stays "${journal}"), so processes cannot share it; use a local disk`,
    );
  }
  db.exec(`PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA cache_size = -16000;
    PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = OFF`);
  ensureLayout(db, now);
  checkTables(db, path);
}

/** Creates our tables if there are none. Throws for a file written by a newer version. */
export function ensureLayout(db: DatabaseSync, now: number): void {
  let layout = layoutOf(db);
  if (layout === undefined) {
    const own = !db.isTransaction;
    if (own) db.exec("BEGIN IMMEDIATE");
    try {
      layout = layoutOf(db);
      if (layout === undefined) createLayout(db, now);
      if (own) db.exec("COMMIT");
    } catch (error) {
      if (own) db.exec("ROLLBACK");
      throw error;
    }
    return;
  }
  if (layout > LAYOUT) {
    throw new StorageRefusal(
      STORAGE_CODES.newerLayout,
      `the file has data layout ${layout}, this version knows ${LAYOUT}; update @lovage/broker-sqlite`,
    );
  }
}

/** Damage shows at connect rather than under load, as far as that is quick. */
function checkTables(db: DatabaseSync, path: string): void {
  for (const table of TABLES) db.prepare(`SELECT 1 FROM ${table} LIMIT 1`).get();
  if (statSync(path).size > CHECK_BYTES) return;
  const { quick_check: finding } = db.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
  if (finding !== "ok") {
    throw new StorageRefusal(
      STORAGE_CODES.corrupt,
      `${path} is damaged (${finding}); stop everything that uses it, keep a copy, then restore a backup or try "sqlite3 file .recover"`,
    );
  }
}
