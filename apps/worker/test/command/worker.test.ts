import { existsSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openBroker } from "../../src/adapters/open.ts";
import { askWorkers } from "../../src/commands/ask-workers.ts";
import { APP, logged, type Running, Workplace } from "../support/lovage.ts";

let place: Workplace;

beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.close());

async function stop(worker: Running): Promise<void> {
  worker.kill("SIGTERM");
  expect(await worker.ended).toMatchObject({ code: 0 });
}

/** How long a worker takes to tell its state, in ms: the best of three, since this machine may be busy. */
async function fastestAnswer(): Promise<number> {
  const broker = await openBroker("sqlite:./lovage.db", { directory: place.folder, purpose: "command" });
  await broker.connect();
  try {
    const times: number[] = [];
    for (let round = 0; round < 3; round++) {
      const began = performance.now();
      const replies = await askWorkers(broker, "inspect", { what: "stats" }, { timeoutMs: 5_000 });
      expect(replies).toHaveLength(1);
      times.push(performance.now() - began);
    }
    return Math.min(...times);
  } finally {
    await broker.close();
  }
}

describe("a worker without flags", () => {
  it("runs waiting tasks in loops and computing tasks in processes, on a file in this folder", async () => {
    const worker = await place.worker();
    const ready = logged(await worker.line(/"worker ready"/));
    expect(ready).toMatchObject({
      level: "info",
      queues: { io: "io", cpu: "cpu" },
      pools: { io: { kind: "event", size: 100 }, cpu: { kind: "process" } },
      results: "sqlite",
      capabilities: { durable: "machine" },
    });
    expect(ready.tasks).toContain("math.square");
    expect(existsSync(path.join(place.folder, "lovage.db"))).toBe(true);

    const [sum, square] = await Promise.all([
      place.run(["call", APP, "math.add", "[1, 2]", "--wait"]),
      place.run(["call", APP, "math.square", "[12]", "--wait"]),
    ]);
    expect([sum.stdout, square.stdout]).toEqual(["3", "144"]);
    expect([sum.code, square.code]).toEqual([0, 0]);
    await stop(worker);
  });
});

it("shows broker, pools, queues, tasks and warnings to people", async () => {
  const worker = place.start(["worker", APP, "--log", "pretty", "-b", "memory:", "-P", "gevent", "-c", "7"]);
  await worker.line(/ready in \d+ ms/);
  const text = worker.lines.join("\n");
  expect(text).toContain("kept in memory only");
  expect(text).toMatch(/pools +main {2}event × 7 ← cpu, io/);
  expect(text).toMatch(/math\.flaky +→ io, 2 attempts/);
  expect(text).toMatch(/warning +the broker is in this process/);
  await stop(worker);
});

it("takes Celery's names, sizes, queues and limits", async () => {
  const worker = await place.worker([
    "--pool",
    "io=eventlet:5",
    "--pool",
    "cpu=prefork:1",
    "-Q",
    "io:io=2",
    "-Q",
    "cpu",
    "--soft-limit",
    "5s",
  ]);
  expect(logged(await worker.line(/"worker ready"/))).toMatchObject({
    pools: { io: { kind: "event", size: 5 }, cpu: { kind: "process", size: 1 } },
    queues: { io: "io", cpu: "cpu" },
  });
  const conf = await place.run(["inspect", "conf"]);
  expect(conf.stdout).toMatch(/math\.add +softMs +5000 +worker/);
  await stop(worker);
});

it.each([
  ["solo", []],
  ["thread", ["-c", "2"]],
])("runs everything in one %s pool", async (kind, more) => {
  const worker = await place.worker(["-P", kind, ...more]);
  expect(await place.run(["call", APP, "math.square", "[3]", "--wait"])).toMatchObject({ code: 0, stdout: "9" });
  await stop(worker);
});

it("takes its broker from the environment, and a flag over it", async () => {
  const worker = await place.worker([], { LOVAGE_BROKER: "sqlite:./other.db" });
  expect(existsSync(path.join(place.folder, "other.db"))).toBe(true);
  expect(existsSync(path.join(place.folder, "lovage.db"))).toBe(false);
  const call = await place.run(["call", APP, "math.add", "[2, 2]", "--wait", "-b", "sqlite:other.db"], {
    LOVAGE_BROKER: "nats://nowhere",
  });
  expect(call.stdout).toBe("4");
  await stop(worker);
});

it("says that results are off, and keeps none", async () => {
  const worker = await place.worker(["--results", "none", "-P", "event"]);
  expect(logged(await worker.line(/results are off/))).toMatchObject({ level: "warn" });
  const id = (await place.run(["call", APP, "math.add", "[2, 2]"])).stdout;
  expect(await place.run(["result", id, "--wait", "--timeout", "300ms"])).toMatchObject({ code: 1 });
  await stop(worker);
});

it("drains: runs what is there, retries included, and ends with 0", async () => {
  for (const n of [1, 2, 3]) await place.run(["call", APP, "math.square", `[${n}]`]);
  const flaky = (await place.run(["call", APP, "math.flaky"])).stdout;
  expect(await place.run(["worker", APP, "--drain", "--log", "json"])).toMatchObject({ code: 0 });
  expect((await place.run(["queue", "stats", "--json"])).stdout).toMatch(/"ready":0,"delayed":0,"owned":0,"dead":0/);
  expect(await place.run(["result", flaky])).toMatchObject({ code: 0, stdout: '"at last"' });
});

describe("the log", () => {
  it("has the task's own lines with its name and id, and what executors print", async () => {
    const worker = await place.worker(["-P", "event"]);
    const id = (await place.run(["call", APP, "log.talk", '["hello"]'])).stdout;
    await place.run(["call", APP, "time.nap", "[1]"]);
    expect(logged(await worker.line(/says hello/))).toMatchObject({
      level: "info",
      task: "log.talk",
      id,
      word: "hello",
    });
    expect(logged(await worker.line(/napping for 1/))).toMatchObject({ stream: "stdout" });
    await stop(worker);
  });

  it("has the error and stack of a task that failed for good", async () => {
    const worker = await place.worker(["-P", "event"]);
    const id = (await place.run(["call", APP, "math.fail", '["boom"]'])).stdout;
    expect(logged(await worker.line(/failed for good/))).toMatchObject({
      level: "error",
      task: "math.fail",
      id,
      error: "Error: boom",
      stack: expect.stringContaining("basic.ts"),
    });
    await stop(worker);
  });

  it.each([
    ["event", ["-c", "4"]],
    ["solo", []],
    ["thread", ["-c", "1"]],
    ["process", ["-c", "1"]],
  ])(
    "names within 2 s the task that blocks its executor (%s pool), while the worker answers in 200 ms",
    async (kind, more) => {
      const worker = await place.worker(["-P", kind, ...more]);
      const id = (await place.run(["call", APP, "cpu.spin", "[30000]"])).stdout;
      const line = logged(await worker.line(/cpu\.spin blocks its executor/));
      expect(line).toMatchObject({ level: "warn", task: "cpu.spin", id });
      expect(line.stalledMs).toBeLessThan(2_000);
      expect(await fastestAnswer()).toBeLessThan(200);
      const active = await place.run(["inspect", "active"]);
      expect(active.stdout).toMatch(/cpu\.spin .* blocks its executor/);
      worker.kill("SIGQUIT");
      expect(await worker.ended).toMatchObject({ code: 75 });
    },
  );
});
