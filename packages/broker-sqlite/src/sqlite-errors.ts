/** What node:sqlite throws, as a {@link Fault} that can cross a thread, and as an error of Lovage. The only file that knows SQLite's numbers. */

import {
  BrokerFullError,
  BrokerStorageError,
  BrokerUnavailableError,
  type LovageError,
  PublishOutcomeUnknownError,
} from "@lovage/core/contracts";
import type { Fault } from "./sqlite-operations.ts";

const BUSY = 5;
const LOCKED = 6;
const NOMEM = 7;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const PROTOCOL = 15;
const SCHEMA = 17;
const NOTADB = 26;

interface SqliteError {
  readonly message: string;
  readonly errcode?: number;
}

export const STORAGE_CODES = {
  noFolder: "BROKER_STORAGE_NO_FOLDER",
  cannotOpen: "BROKER_STORAGE_CANNOT_OPEN",
  readOnly: "BROKER_STORAGE_READ_ONLY",
  corrupt: "BROKER_STORAGE_CORRUPT",
  notADatabase: "BROKER_STORAGE_NOT_A_DATABASE",
  newerLayout: "BROKER_STORAGE_NEWER_LAYOUT",
  noWal: "BROKER_STORAGE_NO_WAL",
  networkFileSystem: "BROKER_STORAGE_NETWORK_FILE_SYSTEM",
} as const;

/** Thrown inside the storage for a reason that is ours and not SQLite's. */
export class StorageRefusal extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export function faultOf(thrown: unknown, path: string): Fault {
  if (thrown instanceof StorageRefusal) return { kind: "storage", code: thrown.code, message: thrown.message };
  const error = thrown as SqliteError;
  const message = String(error?.message ?? thrown);
  const errcode = error?.errcode;
  if (errcode === undefined) return { kind: "invalid", message };
  const storage = (code: string, text: string): Fault => ({ kind: "storage", errcode, code, message: text });
  switch (errcode & 0xff) {
    case BUSY:
    case LOCKED:
    case PROTOCOL:
    case SCHEMA:
      return { kind: "busy", errcode, message };
    case FULL:
      return { kind: "full", errcode, message };
    case READONLY:
      return storage(STORAGE_CODES.readOnly, `${path} cannot be written (${message}); check its owner and permissions`);
    case CANTOPEN:
      return storage(
        STORAGE_CODES.cannotOpen,
        `${path} cannot be opened (${message}); check the path, and that this user may write the file and its folder`,
      );
    case CORRUPT:
      return storage(
        STORAGE_CODES.corrupt,
        `${path} is damaged (${message}); stop everything that uses it, keep a copy, then restore a backup or try "sqlite3 file .recover"`,
      );
    case NOTADB:
      return storage(
        STORAGE_CODES.notADatabase,
        `${path} is not an SQLite database; give another path or move it away`,
      );
    case IOERR:
    case NOMEM:
      return { kind: "storage", errcode, message: `${path}: ${message}`, maybeDone: true };
    default:
      return { kind: "invalid", errcode, message };
  }
}

/** Whether waiting may help. What cannot get better is rejected at once at connect. */
export function mayPass(fault: Fault): boolean {
  return fault.kind === "busy" || fault.kind === "full" || (fault.kind === "storage" && fault.code === undefined);
}

export function errorOf(fault: Fault, path: string): LovageError {
  const subject = { path, ...(fault.errcode === undefined ? {} : { errcode: fault.errcode }) };
  switch (fault.kind) {
    case "busy":
      return new BrokerUnavailableError(
        `${path} has been locked by another connection for too long; look for a transaction that was left open`,
        { subject },
      );
    case "full":
      return new BrokerFullError(`there is no room left for ${path}; free space on its disk or raise maxBytes`, {
        subject,
      });
    case "storage":
      return new BrokerStorageError(fault.message, {
        subject,
        retryable: mayPass(fault),
        ...(fault.code === undefined ? {} : { code: fault.code }),
      });
    case "invalid":
      return new BrokerStorageError(`${path}: ${fault.message}`, { subject });
  }
}

/** For a publish whose transaction failed at the very end: it may be in the file. */
export function unknownOutcome(id: string, fault: Fault, path: string): LovageError {
  return new PublishOutcomeUnknownError(id, { cause: errorOf(fault, path) });
}
