import { readFileSync } from "node:fs";
import { join } from "node:path";
import { brokerKit, controlKit, resultStoreKit } from "@lovage/conformance";
import { describe, expect, test } from "vitest";
import { REPOSITORY, readInvariantsPage } from "../src/files.ts";
import { ELSEWHERE, invariantsPage, readInvariants, scenariosOf } from "../src/invariants.ts";

const INVARIANTS = readInvariants();

test("all sixty invariants are read", () => {
  expect(INVARIANTS.map(({ id }) => id)).toEqual(Array.from({ length: 60 }, (_, index) => `I-${index + 1}`));
});

describe("what shows it is known of", () => {
  for (const { id, title } of INVARIANTS) {
    test(`${id}: ${title}`, () => {
      if (scenariosOf(id).length === 0) expect(Object.keys(ELSEWHERE)).toContain(id);
    });
  }
});

describe("a test beyond the kit is where it is said to be:", () => {
  for (const [id, { file, test: title }] of Object.entries(ELSEWHERE)) {
    test(`${id} in ${file}`, () => {
      expect(readFileSync(join(REPOSITORY, file), "utf8")).toContain(`"${title}"`);
    });
  }
});

test("every scenario of a broker, control channel or result store shows an invariant that there is", () => {
  const known = new Set(INVARIANTS.map(({ id }) => id));
  for (const { scenarios } of [brokerKit, controlKit, resultStoreKit]) {
    for (const { id, invariants } of scenarios) {
      expect(invariants.length, id).toBeGreaterThan(0);
      for (const shown of invariants) expect(known, id).toContain(shown);
    }
  }
});

test("the page is up to date; when it is not, run `pnpm matrix --page`", async () => {
  expect(await readInvariantsPage()).toBe(invariantsPage(INVARIANTS));
});
