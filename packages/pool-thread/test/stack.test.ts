import type { Pool } from "@lovage/core/contracts";
import { loadApp } from "@lovage/core/executors";
import { eventLog } from "@lovage/core/testing";
import { expect, it } from "vitest";
import { threadPool } from "../src/index.ts";

const request = {
  task: "spins",
  queue: "q",
  headers: { task: "spins" },
  attempt: 1,
  deliveries: 1,
  retriesLeft: 0,
};

async function started(size: number): Promise<Pool> {
  const pool = threadPool({ size });
  await pool.start({
    name: "cpu",
    app: await loadApp(new URL("./apps/spins.ts", import.meta.url).href),
    worker: { id: "w", host: "h", pid: process.pid, startedAt: 0, version: "0" },
    client: undefined as never,
    onProgress: () => {},
    onLog: () => {},
    stallMs: 300,
  });
  return pool;
}

it("says where a thread is that holds its loop, time after time, and the thread goes on", async () => {
  const pool = await started(2);
  const events = eventLog(pool);
  const runs = ["1", "2"].map((id) => pool.run({ ...request, id, body: "[[4000]]" }));
  // A busy machine may let one report go without; the next one asks again.
  const located = new Set<string>();
  while (located.size < runs.length) {
    const { executor, stack } = await events.next("stalled", ({ stack }) => stack !== undefined);
    expect(stack).toMatch(/at innermost \(.*spins\.ts:\d+:\d+\)/);
    expect(stack).not.toContain("node:");
    located.add(executor);
  }
  for (const run of runs) expect(await run.outcome).toMatchObject({ type: "returned" });
  await pool.close();
}, 20_000);

it("asks the thread that is held, whatever idle ones there are beside it", async () => {
  const pool = await started(5);
  const events = eventLog(pool);
  const run = pool.run({ ...request, id: "1", body: "[[3000]]" });
  const { stack } = await events.next("stalled", ({ stack }) => stack !== undefined);
  expect(stack).toMatch(/at innermost \(.*spins\.ts:\d+:\d+\)/);
  expect(await run.outcome).toMatchObject({ type: "returned" });
  await pool.close();
}, 20_000);
