import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MUTATIONS } from "../src/mutations.ts";
import { Workbench } from "../src/workbench.ts";

let workbench: Workbench;

beforeAll(async () => {
  workbench = await Workbench.open();
});
afterAll(() => workbench[Symbol.asyncDispose]());

describe("a memory broker that no longer", () => {
  for (const mutation of MUTATIONS) {
    test(`${mutation.name} is found by ${mutation.caughtBy}`, async () => {
      expect(await workbench.firstBroken(mutation, mutation.caughtBy)).toBe(mutation.caughtBy);
    });
  }
});

test("the copy that is mutated keeps its promises otherwise", async () => {
  for (const id of [
    "settlement/first-settlement-wins",
    "redelivery/lapse-redelivers",
    "order/release-keeps-its-place",
  ]) {
    expect(await workbench.firstBroken(undefined, id), id).toBeUndefined();
  }
});
