import { loadApp } from "@lovage/core/executors";
import { eventLog } from "@lovage/core/testing";
import { expect, it } from "vitest";
import { threadPool } from "../src/index.ts";

it("says where a thread is that holds its loop, time after time, and the thread goes on", async () => {
  const pool = threadPool({ size: 2 });
  await pool.start({
    name: "cpu",
    app: await loadApp(new URL("./apps/spins.ts", import.meta.url).href),
    worker: { id: "w", host: "h", pid: process.pid, startedAt: 0, version: "0" },
    client: undefined as never,
    onProgress: () => {},
    onLog: () => {},
    stallMs: 300,
  });
  const events = eventLog(pool);
  const request = {
    task: "spins",
    queue: "q",
    headers: { task: "spins" },
    body: "[[4000]]",
    attempt: 1,
    deliveries: 1,
    retriesLeft: 0,
  };
  const runs = ["1", "2"].map((id) => pool.run({ ...request, id }));
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
