import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { LedgerReader, LedgerWriter } from "../src/ledger.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lovage-ledger-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const lag = (ms: number) => ({ e: "lag", at: 1, ms }) as const;

it("reads what several writers appended, from where it last stopped", async () => {
  const path = join(folder, "several");
  const [one, other] = [new LedgerWriter(path), new LedgerWriter(path)];
  one.append(lag(1), lag(2));
  other.append(lag(3));
  const reader = new LedgerReader(path);
  expect(await reader.read()).toEqual([lag(1), lag(2), lag(3)]);
  expect(await reader.read()).toEqual([]);
  one.append(lag(4));
  expect(await reader.read()).toEqual([lag(4)]);
});

it("reads entries that lie across the pieces it reads in", async () => {
  const path = join(folder, "long");
  const what = "x".repeat(700_000);
  const entries = [1, 2, 3, 4].map((at) => ({ e: "trouble", at, what }) as const);
  new LedgerWriter(path).append(...entries);
  expect(await new LedgerReader(path).read()).toEqual(entries);
});

it("waits for the rest of a line, and keeps apart what a killed writer left of one", async () => {
  const path = join(folder, "torn");
  const text = JSON.stringify(lag(1));
  await writeFile(path, text.slice(0, 9));
  const reader = new LedgerReader(path);
  expect(await reader.read()).toEqual([]);
  await appendFile(path, `${text.slice(9)}\n`);
  expect(await reader.read()).toEqual([lag(1)]);
  await appendFile(path, text.slice(0, 9));
  new LedgerWriter(path).append(lag(2));
  expect(await reader.read()).toEqual([lag(2)]);
  expect(reader.torn).toEqual([text.slice(0, 9)]);
});
