import { statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { SqliteClock } from "../sqlite-clock.ts";
import { faultOf } from "../sqlite-errors.ts";
import {
  type Batch,
  type BatchReply,
  type Operation,
  type OperationMap,
  type OperationName,
  type Reply,
  type StorageReport,
  TRAITS,
} from "../sqlite-operations.ts";
import { LAYOUT } from "../sqlite-schema.ts";
import { Statements } from "../sqlite-statements.ts";
import * as control from "./control.ts";
import * as messages from "./messages.ts";
import { openDatabase } from "./open.ts";
import * as queues from "./queues.ts";
import * as results from "./results.ts";
import { type Handler, Session } from "./session.ts";
import { peekSweep, sweep } from "./sweep.ts";

type Handled = Exclude<OperationName, "report">;
type Handlers = { [K in Handled]: Handler<OperationMap[K]["in"], OperationMap[K]["out"]> };

const { peekClaim, publishOne: _, ...messageHandlers } = messages;
const { declareQueue: __, destroyRows: ___, ...queueHandlers } = queues;
const HANDLERS: Handlers = { ...messageHandlers, ...queueHandlers, ...results, ...control, sweep: (s) => sweep(s) };

/** The log is truncated when nothing was written for this long, or when it has grown beyond the second number for lack of a quiet moment. */
const QUIET_MS = 1_000;
const LONG_LOG_BYTES = 64 * 1024 * 1024;

/**
 * Living holders write at least this often while they can. When nobody has written for longer, either there was nothing to do, or the file
 * could not be written, and then nobody could renew: for the grace, nobody in any process reaps, and those who are alive renew first.
 */
const SILENCE_MS = 1_000;
const SILENCE_GRACE_MS = 500;

/**
 * The file: synchronous, pure SQL. A batch is one transaction: one `BEGIN IMMEDIATE`, one commit, one fsync for everything that was
 * asked in one tick. It knows nothing of promises, deliveries and threads.
 */
export class Storage {
  readonly path: string;
  readonly clock: SqliteClock;
  #db: DatabaseSync;
  #sql: Statements;
  #inode: bigint;
  #version = -1;
  #syncFull = true;
  #clockInFile = 0;
  #reapFrom = 0;
  #wroteAt = 0;

  /** Throws what `openDatabase` throws. */
  constructor(path: string, clock: SqliteClock = new SqliteClock()) {
    this.path = path;
    this.clock = clock;
    this.#db = openDatabase(path, clock.now());
    this.#sql = new Statements(this.#db);
    this.#inode = inodeOf(path) as bigint;
    this.#observeClock();
    this.changed();
  }

  execute(batch: Batch): BatchReply {
    if (!batch.apart) return this.#together(batch.operations);
    const replies = batch.operations.map((operation): Reply => {
      const reply = this.#together([operation]);
      return reply.ok ? (reply.replies[0] as Reply) : reply;
    });
    return { ok: true, replies, changed: this.changed() };
  }

  /** Whether another connection has committed since this was last asked. 2 µs. */
  changed(): boolean {
    const version = this.#sql.number("dataVersion");
    const changed = version !== this.#version;
    this.#version = version;
    return changed;
  }

  /** To be called about once a second: keeps the log short. Never waits for others longer than the busy timeout. */
  tidyLog(): void {
    const bytes = this.#logBytes();
    if (bytes === 0) return;
    if (performance.now() - this.#wroteAt < QUIET_MS && bytes < LONG_LOG_BYTES) return;
    try {
      this.#db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (error) {
      // Somebody reads or writes: next time. Anything else shows at the next transaction.
      if (faultOf(error, this.path).kind !== "busy") throw error;
    }
  }

  /** The file was removed or replaced under us: opens what is there now and answers true. Throws when that cannot be opened. */
  reopenIfReplaced(): boolean {
    if (inodeOf(this.path) === this.#inode) return false;
    const db = openDatabase(this.path, this.clock.now());
    this.#db.close();
    this.#db = db;
    this.#sql = new Statements(db);
    this.#inode = inodeOf(this.path) as bigint;
    this.#syncFull = true;
    this.#clockInFile = 0;
    this.#version = -1;
    return true;
  }

  close(): void {
    this.#db.close();
  }

  #together(operations: readonly Operation[]): BatchReply {
    try {
      const session = this.#session();
      const peeked = this.#peek(session, operations);
      const replies = peeked ?? this.#transaction(operations);
      return { ok: true, replies, changed: this.changed() };
    } catch (error) {
      if (this.#db.isTransaction) this.#sql.run("rollback");
      return { ok: false, fault: faultOf(error, this.path) };
    }
  }

  /** The replies, if nothing has to be written for any of them. */
  #peek(session: Session, operations: readonly Operation[]): Reply[] | undefined {
    const replies: Reply[] = [];
    for (const { op } of operations) if (TRAITS[op].access === "write") return undefined;
    for (const operation of operations) {
      const value =
        TRAITS[operation.op].access === "read" ? this.#handle(session, operation) : peek(session, operation);
      if (value === undefined) return undefined;
      replies.push({ ok: true, value });
    }
    return replies;
  }

  #transaction(operations: readonly Operation[]): Reply[] {
    this.#sync(operations.some(({ op }) => TRAITS[op].durable));
    this.#sql.run("begin");
    this.#observeClock();
    const now = this.clock.now();
    if (now - this.#clockInFile > SILENCE_MS) {
      this.#reapFrom = Math.max(this.#reapFrom, now + SILENCE_GRACE_MS);
      this.#sql.run("reapFromWrite", this.#reapFrom);
    }
    const session = this.#session();
    const replies = operations.map((operation): Reply => ({ ok: true, value: this.#handle(session, operation) }));
    if (session.now - this.#clockInFile >= 1_000) {
      this.#sql.run("clockWrite", session.now);
      this.#clockInFile = session.now;
    }
    this.#sql.run("commit");
    this.#wroteAt = performance.now();
    return replies;
  }

  #session(): Session {
    const now = this.clock.now();
    const reapInMs = Math.max(this.clock.reapInMs(), this.#reapFrom - now, 0);
    return new Session(this.#sql, now, { mayReap: reapInMs === 0, reapInMs });
  }

  #handle(session: Session, operation: Operation): unknown {
    if (operation.op === "report") return this.#report();
    const handler = HANDLERS[operation.op as Handled] as Handler<unknown, unknown>;
    return handler(session, operation.input);
  }

  /**
   * What need not survive a power cut (claims, renewals, control) is committed without fsync: with the machine, its holders end too, and the message
   * is ready again. The next durable commit carries it to the disk.
   */
  #sync(full: boolean): void {
    if (full === this.#syncFull) return;
    this.#db.exec(full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    this.#syncFull = full;
  }

  #observeClock(): void {
    this.#clockInFile = this.#sql.number("clockRead");
    this.#reapFrom = this.#sql.number("reapFromRead");
    this.clock.observe(this.#clockInFile);
  }

  #logBytes(): number {
    return statSync(`${this.path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  }

  #report(): StorageReport {
    const text = (sql: string) => String(Object.values(this.#db.prepare(sql).get() ?? {})[0]);
    return {
      sqlite: text("SELECT sqlite_version()"),
      journal: text("PRAGMA journal_mode"),
      layout: LAYOUT,
      bytes: statSync(this.path).size,
      walBytes: this.#logBytes(),
      check: text("PRAGMA quick_check(1)"),
    };
  }
}

function peek(session: Session, operation: Operation): unknown {
  return operation.op === "claim"
    ? peekClaim(session, operation.input as OperationMap["claim"]["in"])
    : peekSweep(session);
}

function inodeOf(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}
