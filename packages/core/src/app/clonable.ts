/** Log fields as plain data: whatever was given, logging it must not fail on the way out of the executor. */

import { errorData } from "../contracts/errors.ts";

const MAX_DEPTH = 6;

export function clonable(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return plain(fields, 0) as Readonly<Record<string, unknown>>;
}

/** Errors become data, what JSON cannot carry becomes text, and what lies too deep (or in a circle) is named by its kind. */
function plain(value: unknown, depth: number): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "function") return `[function ${value.name}]`;
  if (typeof value !== "object") return value === undefined ? undefined : String(value);
  try {
    if (value instanceof Error) return errorData(value);
    if (typeof (value as { toJSON?: unknown }).toJSON === "function") {
      return plain((value as { toJSON(): unknown }).toJSON(), depth + 1);
    }
    if (depth >= MAX_DEPTH) return Object.prototype.toString.call(value);
    if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
    const entries = value instanceof Map ? [...value] : Object.entries(value);
    return Object.fromEntries(entries.map(([name, item]) => [String(name), plain(item, depth + 1)]));
  } catch {
    return "[a value that cannot be shown]";
  }
}
