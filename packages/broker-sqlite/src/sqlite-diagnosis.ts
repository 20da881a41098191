import type { Diagnosis } from "@lovage/core/contracts";
import type { StorageReport } from "./sqlite-operations.ts";

const LONG_LOG_BYTES = 256 * 1024 * 1024;

/** What `lovage doctor` prints of the file. */
export function diagnose(report: StorageReport, path: string): readonly Diagnosis[] {
  const { sqlite, journal, layout, bytes, walBytes, check } = report;
  return [
    { check: "file", level: "ok", finding: `${path}, ${bytes} bytes, data layout ${layout}, SQLite ${sqlite}` },
    journal === "wal"
      ? { check: "journal", level: "ok", finding: "WAL, synced at every durable commit" }
      : {
          check: "journal",
          level: "error",
          finding: `journal mode is ${journal}`,
          advice: "something changed it under the broker; set it back to WAL",
        },
    walBytes < LONG_LOG_BYTES
      ? { check: "log", level: "ok", finding: `${walBytes} bytes` }
      : {
          check: "log",
          level: "warning",
          finding: `${walBytes} bytes`,
          advice: "a connection keeps a read transaction open; find it and close it",
        },
    check === "ok"
      ? { check: "integrity", level: "ok", finding: "quick_check found nothing" }
      : {
          check: "integrity",
          level: "error",
          finding: check,
          advice: 'stop everything that uses the file, keep a copy, restore a backup or try "sqlite3 file .recover"',
        },
  ];
}
