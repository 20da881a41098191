/** The worker's own log: lines for people on a terminal, JSON lines elsewhere. */

import { paint } from "./paint.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = "json" | "pretty";
export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  readonly format: LogFormat;
  /** True when a line of this level would be written: lets a caller skip making it. */
  enabled(level: LogLevel): boolean;
  write(level: LogLevel, message: string, fields?: LogFields): void;
  /** Every later JSON line has these fields as well: the worker's name, once it is known. */
  bind(fields: LogFields): void;
  /** Text for people, as it is; nothing in the JSON format. */
  text(block: string): void;
  /** Everything written so far has been handed to the system when this returns. */
  flush(): void;
}

export interface LogOptions {
  readonly format: LogFormat;
  readonly level: LogLevel;
  readonly stream: NodeJS.WritableStream;
  readonly now?: () => Date;
}

const PAINTED: Readonly<Record<LogLevel, (stream: NodeJS.WritableStream) => string>> = {
  debug: (stream) => paint("dim", "debug", stream),
  info: (stream) => paint("green", "info ", stream),
  warn: (stream) => paint("yellow", "warn ", stream),
  error: (stream) => paint("red", "error", stream),
};

function shown(value: unknown): string {
  if (typeof value === "string") return /[\s"=]/.test(value) ? JSON.stringify(value) : value;
  return JSON.stringify(value) ?? String(value);
}

function prettyLine(
  level: LogLevel,
  message: string,
  fields: LogFields,
  now: Date,
  stream: NodeJS.WritableStream,
): string {
  const time = paint("dim", now.toISOString().slice(11, 23), stream);
  const { stack, ...rest } = fields;
  const tail = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => paint("dim", `${key}=${shown(value)}`, stream));
  const below = typeof stack === "string" ? `\n${stack.replaceAll(/^/gm, "    ")}` : "";
  return `${[time, PAINTED[level](stream), message, ...tail].join(" ")}${below}\n`;
}

function jsonText(line: LogFields): string {
  try {
    return JSON.stringify(line);
  } catch {
    return JSON.stringify({ ...line, fields: "not serializable" }, (key, value) =>
      typeof value === "bigint" || (key !== "" && typeof value === "object") ? String(value) : value,
    );
  }
}

/** Lines of one tick leave as one write. */
export function createLog(options: LogOptions): Log {
  const { format, stream } = options;
  const least = LOG_LEVELS.indexOf(options.level);
  const now = options.now ?? (() => new Date());
  let base: LogFields = {};
  let pending = "";
  let scheduled: NodeJS.Immediate | undefined;

  const flush = (): void => {
    if (scheduled !== undefined) clearImmediate(scheduled);
    scheduled = undefined;
    if (pending === "") return;
    const text = pending;
    pending = "";
    stream.write(text);
  };
  const add = (text: string): void => {
    pending += text;
    scheduled ??= setImmediate(flush);
  };

  return {
    format,
    enabled: (level) => LOG_LEVELS.indexOf(level) >= least,
    write(level, message, fields = {}) {
      if (LOG_LEVELS.indexOf(level) < least) return;
      const at = now();
      if (format === "pretty") add(prettyLine(level, message, fields, at, stream));
      else add(`${jsonText({ time: at.toISOString(), level, message, ...base, ...fields })}\n`);
    },
    bind(fields) {
      base = { ...base, ...fields };
    },
    text(block) {
      if (format === "pretty") add(`${block}\n`);
    },
    flush,
  };
}
