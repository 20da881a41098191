import { expect, test } from "vitest";
import type { ResultRecord } from "../../src/contracts/index.ts";
import { memoryResults, memoryServer } from "../../src/memory/index.ts";
import { manualClock } from "../../src/testing/index.ts";

const record = (id: string, parts: Partial<ResultRecord> = {}): ResultRecord => ({
  id,
  task: "t",
  state: "succeeded",
  final: true,
  attempt: 1,
  ...parts,
});

test("a record is kept for an hour unless it says otherwise", async () => {
  const clock = manualClock();
  const store = memoryResults({ clock });
  await store.connect();
  await store.write([record("a"), record("b", { ttlMs: 60_000 })]);
  clock.advance(60_000);
  expect((await store.read(["a", "b"])).map((found) => found?.id)).toEqual(["a", undefined]);
  clock.advance(3_540_000);
  expect(await store.read(["a"])).toEqual([undefined]);
  await store.close();
});

test("a waiter that has not looked yet gets the final record although it was forgotten meanwhile", async () => {
  const store = memoryResults();
  await store.connect();
  const iterator = store.wait("a")[Symbol.asyncIterator]();
  const first = iterator.next();
  await store.write([record("a")]);
  await store.forget(["a"]);
  expect(await first).toMatchObject({ value: { id: "a", final: true } });
  await store.close();
});

test("a wait on a closed store rejects instead of hanging", async () => {
  const store = memoryResults({ server: memoryServer() });
  await store.connect();
  const next = store.wait("a")[Symbol.asyncIterator]().next();
  await store.close();
  await expect(next).rejects.toMatchObject({ code: "BROKER_CLOSED" });
});
