import { PassThrough } from "node:stream";
import { AppLoadError, BrokerUnavailableError, ConfigurationError, DuplicateTaskError } from "@lovage/core/contracts";
import { describe, expect, it } from "vitest";
import { EXIT, exitCodeOf } from "../../src/exit-codes.ts";
import { formatBytes, formatCount, formatMs } from "../../src/output/format.ts";
import { createLog } from "../../src/output/log.ts";
import { renderTable } from "../../src/output/table.ts";
import { logWorkerEvent } from "../../src/worker/event-log.ts";

it.each([
  [0.4, "0.4ms"],
  [999, "999ms"],
  [1_540, "1.5s"],
  [65_000, "1m5s"],
  [7_200_000, "2h"],
  [90_061_000, "1d1h"],
])("%i ms is %s for people", (ms, text) => {
  expect(formatMs(ms)).toBe(text);
});

it("what is not known is a dash, not 0", () => {
  expect([formatMs(undefined), formatBytes(undefined), formatCount(undefined)]).toEqual(["–", "–", "–"]);
});

it("bytes and counts are rounded for people", () => {
  expect([formatBytes(900), formatBytes(1_536), formatBytes(70_000_000), formatCount(1_234_567)]).toEqual([
    "900 B",
    "1.5 KiB",
    "67 MiB",
    "1,234,567",
  ]);
});

it("a table is one line per record, with numbers to the right", () => {
  const text = renderTable(
    [{ title: "QUEUE" }, { title: "READY", align: "right" }],
    [
      ["io", "5"],
      ["cpu", "1,200"],
    ],
  );
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are not what is tested here
  expect(text.replaceAll(/\u001b\[\d+m/g, "").split("\n")).toEqual(["QUEUE  READY", "io         5", "cpu    1,200"]);
});

describe("the log", () => {
  function logged(format: "json" | "pretty", level: "debug" | "info" = "info") {
    const stream = new PassThrough();
    const log = createLog({ format, level, stream, now: () => new Date(0) });
    log.bind({ worker: "w1" });
    const text = (): string => {
      log.flush();
      return String(stream.read() ?? "");
    };
    return { log, text };
  }

  it("is JSON lines for machines, with the worker's name", () => {
    const { log, text } = logged("json");
    log.write("info", "hello", { n: 1 });
    log.text("a banner");
    expect(text()).toBe('{"time":"1970-01-01T00:00:00.000Z","level":"info","message":"hello","worker":"w1","n":1}\n');
  });

  it("writes a line even where a field cannot be JSON", () => {
    const { log, text } = logged("json");
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    log.write("warn", "odd", { loop, big: 1n });
    expect(JSON.parse(text())).toMatchObject({ message: "odd", big: "1" });
  });

  it("leaves out what is below its level", () => {
    const { log, text } = logged("pretty");
    log.write("debug", "detail");
    expect(text()).toBe("");
  });

  it("names the task that blocks its executor", () => {
    const { log, text } = logged("json");
    logWorkerEvent(log, {
      type: "task-stalled",
      at: 1,
      worker: "w1",
      id: "id-1",
      task: "images.resize",
      queue: "cpu",
      attempt: 1,
      pool: "io",
      stalledMs: 2_000,
      stack: "at resize (app.ts:3)",
    });
    expect(JSON.parse(text())).toMatchObject({
      level: "warn",
      message: "images.resize blocks its executor: no answer for 2s",
      id: "id-1",
      pool: "io",
      stack: "at resize (app.ts:3)",
    });
  });
});

it.each([
  [new ConfigurationError("x"), EXIT.usage],
  [new ConfigurationError("x", { code: "OF_AN_ADAPTER" }), EXIT.usage],
  [new AppLoadError("x", { code: "APP_IMPORT" }), EXIT.app],
  [new DuplicateTaskError("x"), EXIT.app],
  [new BrokerUnavailableError("x"), EXIT.unavailable],
  [new TypeError("x"), EXIT.internal],
])("%s ends the command with the documented code", (error, code) => {
  expect(exitCodeOf(error)).toBe(code);
});
