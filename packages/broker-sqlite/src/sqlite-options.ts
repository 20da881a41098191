import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigurationError } from "@lovage/core/contracts";

/** Options of the broker and of the result store. Each is explained by what changes when you turn it. */
export interface SqliteOptions {
  /**
   * The file; its folder must exist, the file need not. A path, or a URL: `file:///var/lib/app/lovage.db`, `sqlite:./lovage.db`. Workers and
   * producers that name the same file share its queues. It may be a file in which your application keeps its own tables.
   */
  readonly path: string;
  /**
   * Where SQL runs. `thread` (default): in a thread of its own, so that a slow disk never holds the loop of the caller; costs about 12 MiB
   * of memory, a thread's start at `connect()` (40 ms on an idle machine) and a hand-over of some 50 µs per batch. `loop`: on the caller's loop, which then stands still for
   * as long as each commit takes; right for short scripts and tests.
   */
  readonly placement?: "thread" | "loop";
  /**
   * How often to look for the commits of other processes, in ms. Default 25. Only a backstop: usually the file's folder is watched and a
   * commit is noticed within a millisecond. Higher means less idle CPU (a look costs 2 µs) and later notice where watching does not work.
   */
  readonly pollMs?: number;
  /** Operations that cannot be done for this long (the file is locked, the disk fails) give up, in ms. Default 10,000. Settlements never do. */
  readonly operationTimeoutMs?: number;
}

export interface SqliteBrokerOptions extends SqliteOptions {
  /** A larger body is refused, in bytes. Default 16 MiB. */
  readonly maxMessageBytes?: number;
  /**
   * The file is not filled beyond this, in bytes: publishing is refused with `BrokerFullError`, everything else goes on. Default none:
   * until the disk is full, which does the same less gently.
   */
  readonly maxBytes?: number;
}

export type SqliteResultsOptions = SqliteOptions;

/** What the storage needs to know; plain data, so that it can cross to a thread. */
export interface StorageSettings {
  readonly path: string;
  readonly placement: "thread" | "loop";
  readonly pollMs: number;
  readonly operationTimeoutMs: number;
}

export const DEFAULT_MAX_MESSAGE_BYTES: number = 16 * 1024 * 1024;
const DEFAULT_POLL_MS = 25;
const DEFAULT_OPERATION_TIMEOUT_MS = 10_000;

/** Throws `ConfigurationError` for what cannot work. */
export function storageSettings(options: SqliteOptions): StorageSettings {
  const { placement = "thread" } = options;
  if (placement !== "thread" && placement !== "loop") {
    throw new ConfigurationError(`placement is ${String(placement)}; use "thread" or "loop"`);
  }
  return {
    path: filePath(options.path),
    placement,
    pollMs: atLeast(options.pollMs ?? DEFAULT_POLL_MS, 1, "pollMs"),
    operationTimeoutMs: atLeast(options.operationTimeoutMs ?? DEFAULT_OPERATION_TIMEOUT_MS, 1, "operationTimeoutMs"),
  };
}

export function atLeast(value: number, least: number, option: string): number {
  if (Number.isFinite(value) && value >= least) return value;
  throw new ConfigurationError(`${option} is ${value}; give a number of at least ${least}`, { subject: { option } });
}

function filePath(path: unknown): string {
  if (typeof path !== "string" || path === "") {
    throw new ConfigurationError("the SQLite broker needs a path to its file, such as ./lovage.db");
  }
  if (path === ":memory:" || path.startsWith("file::memory:")) {
    throw new ConfigurationError(
      "a database in memory cannot be shared or survive anything; use memoryBroker() of @lovage/core/memory instead",
    );
  }
  if (path.startsWith("file://")) return fileURLToPath(path);
  const bare = path.replace(/^sqlite:(\/\/(?=\/))?/, "");
  if (bare === "" || bare.includes("\0")) throw new ConfigurationError(`"${path}" names no file`);
  return resolve(bare);
}
