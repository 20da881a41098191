import { describe, expect, it } from "vitest";
import { durationMs, durationText } from "../../src/app/duration.ts";
import type { Duration } from "../../src/contracts/index.ts";

describe("durationMs", () => {
  it.each([
    [0, 0],
    [1.6, 2],
    ["250ms", 250],
    ["20s", 20_000],
    ["1.5s", 1_500],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["7d", 604_800_000],
  ] as [Duration, number][])("reads %j as %d ms", (given, expected) => {
    expect(durationMs(given, "delay")).toBe(expected);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, "5", "5 minutes", "-5m", "1e3s", "", "m", null, undefined, {}])(
    "refuses %j and names the option",
    (given) => {
      expect(() => durationMs(given as Duration, "limits.soft")).toThrow(
        expect.objectContaining({ code: "CONFIGURATION", message: expect.stringContaining("limits.soft") }),
      );
    },
  );

  it.each([
    [0, "0ms"],
    [1, "1ms"],
    [1_500, "1500ms"],
    [90_000, "90s"],
    [5_400_000, "90m"],
    [3_600_000, "1h"],
    [172_800_000, "2d"],
  ])("writes %d ms as %j, which reads the same", (ms, text) => {
    expect(durationText(ms)).toBe(text);
    expect(durationMs(durationText(ms), "delay")).toBe(ms);
  });
});
