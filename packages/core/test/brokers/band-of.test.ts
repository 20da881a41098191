import { expect, test } from "vitest";
import { bandOf, MOST_BANDS } from "../../src/brokers/index.ts";

const bandsOfAll = (bands: number): readonly number[] =>
  Array.from({ length: MOST_BANDS }, (_, priority) => bandOf(priority, bands));

test("one band is for every priority", () => {
  expect(new Set(bandsOfAll(1))).toEqual(new Set([0]));
});

test("the highest priorities are in band 0", () => {
  expect(bandsOfAll(3)).toEqual([2, 2, 2, 1, 1, 1, 0, 0, 0, 0]);
});

test.each([2, 3, 4, 5, 6, 7, 8, 9, 10])("of %s bands every one is used, in the order of priorities", (bands) => {
  const all = bandsOfAll(bands);
  expect(new Set(all).size).toBe(bands);
  expect(all).toEqual([...all].sort((a, b) => b - a));
});
