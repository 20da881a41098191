import { expect, test } from "vitest";
import { bandOf, bandsInTurn, MOST_BANDS } from "../../src/brokers/index.ts";

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

test("in most turns the highest band goes first, and each of the others in its turn", () => {
  const firsts = Array.from({ length: 48 }, (_, turn) => bandsInTurn(turn + 1, 4)[0]);
  expect(firsts.filter((band) => band === 0)).toHaveLength(42);
  expect(firsts.filter((band) => band !== 0)).toEqual([1, 2, 3, 1, 2, 3]);
  expect(bandsInTurn(1, 4)).toEqual([0, 1, 2, 3]);
  expect(bandsInTurn(16, 4)).toEqual([2, 0, 1, 3]);
  expect(bandsInTurn(8, 1)).toEqual([0]);
});
