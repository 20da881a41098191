import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Pool, PoolContext } from "@lovage/core/contracts";
import { loadApp } from "@lovage/core/executors";
import { eventLog, eventually } from "@lovage/core/testing";
import { afterEach, describe, expect, it } from "vitest";
import { type ProcessPoolOptions, processPool } from "../src/index.ts";

const appUrl = (name: string): string => new URL(`./apps/${name}`, import.meta.url).href;

const open: Pool[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((pool) => pool.close()));
});

async function started(
  module: string,
  options: ProcessPoolOptions = {},
): Promise<{ pool: Pool; context: PoolContext }> {
  const context: PoolContext = {
    name: "p",
    app: await loadApp(appUrl(module)),
    worker: { id: "w", host: "h", pid: process.pid, startedAt: 0, version: "0" },
    client: undefined as never,
    onProgress: () => {},
    onLog: () => {},
  };
  const pool = processPool({ size: 1, ...options });
  open.push(pool);
  await pool.start(context);
  return { pool, context };
}

async function value(pool: Pool, task: string): Promise<unknown> {
  const request = {
    id: "1",
    task,
    queue: "q",
    headers: { task },
    body: "[[],{},{}]",
    attempt: 1,
    deliveries: 1,
    retriesLeft: 0,
  };
  const outcome = await pool.run(request).outcome;
  if (outcome.type !== "returned") throw new Error(JSON.stringify(outcome));
  return JSON.parse(String(outcome.value));
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe("children of the process pool", () => {
  it.each([
    ["plain.mjs", "mjs"],
    ["plain.js", "js"],
    ["typed.mts", "mts"],
  ])("run tasks of %s", async (module, expected) => {
    const { pool } = await started(module);
    expect(await value(pool, "who")).toBe(expected);
  });

  it("inherit the environment and take options of their own; their instructions are hidden from tasks", async () => {
    process.env.FLAVOUR = "lemon";
    const { pool } = await started("app.ts", { execArgv: ["--conditions=kit"], maxHeapMb: 64 });
    expect(await value(pool, "environment")).toMatchObject({
      flavour: "lemon",
      secret: null,
      execArgv: expect.arrayContaining(["--conditions=kit", "--max-old-space-size=64"]),
    });
    delete process.env.FLAVOUR;
    const other = await started("app.ts", { env: { ...process.env, FLAVOUR: "mint" } });
    expect(await value(other.pool, "environment")).toMatchObject({ flavour: "mint" });
  });

  it("ignore what a terminal or a service manager sends to everybody", async () => {
    const { pool } = await started("app.ts");
    const pid = pool.stats().executors[0]?.pid as number;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(pid, signal);
    expect(await value(pool, "environment")).toMatchObject({ secret: null });
    expect(pool.stats()).toMatchObject({ crashed: 0, capacity: 1 });
  });

  it("report their memory", async () => {
    const { pool } = await started("app.ts");
    expect(pool.stats().executors[0]?.memoryBytes).toBeGreaterThan(10 * 1024 * 1024);
  });

  it.each([
    ["SIGKILL", "waits"],
    ["exit", "waits"],
    ["exit", "spins"],
    // Nothing of ours can run any more, on either side: the kernel must see to it.
    ...(process.platform === "linux" ? [["SIGKILL", "spins"]] : []),
  ])("end when their worker ends by %s, while a task %s", async (how, task) => {
    const host = fork(fileURLToPath(appUrl("host.ts")), [task as string], { stdio: "inherit" });
    const [pids] = (await once(host, "message")) as [number[]];
    expect(pids).toHaveLength(2);
    expect(pids.every(isAlive)).toBe(true);
    const exited = once(host, "exit");
    if (how === "SIGKILL") host.kill("SIGKILL");
    else host.send("exit");
    await exited;
    await eventually("the children to be gone", () => !pids.some(isAlive));
  });

  it("that can no longer be started are tried again ever later, and taken back when they can", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lovage-pool-"));
    const flag = join(folder, "bad");
    const { pool } = await started("turns-bad.ts", { env: { ...process.env, TURNS_BAD: flag } });
    const events = eventLog(pool);
    writeFileSync(flag, "");
    const request = {
      id: "1",
      task: "dies",
      queue: "q",
      headers: { task: "dies" },
      body: "[[],{},{}]",
      attempt: 1,
      deliveries: 1,
      retriesLeft: 0,
    };
    expect(await pool.run(request).outcome).toMatchObject({ type: "crashed", alone: true, exitCode: 1 });
    const first = await events.next("executor-start-failed");
    const second = await events.next("executor-start-failed");
    expect(first.error).toMatchObject({ name: "AppLoadError", code: "APP_IMPORT" });
    expect(first.error.message).toContain("turned bad");
    expect(second.retryInMs).toBeGreaterThan(first.retryInMs / 2);
    expect(pool.capacity).toBe(0);
    rmSync(folder, { recursive: true });
    await events.next("executor-started");
    await eventually("the slot", () => pool.free === 1);
  });
});
