import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { APP, logged, type Running, Workplace } from "../support/lovage.ts";

let place: Workplace;
let worker: Running;
let url: string;

beforeAll(async () => {
  place = new Workplace();
  worker = await place.worker(["--http", "127.0.0.1:0", "--pool", "io=event:10", "--pool", "cpu=process:1"]);
  url = String(logged(await worker.line(/metrics at/)).message).replace(/^.* at /, "");
});
afterAll(() => place.close());

async function get(path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url + path);
  return { status: response.status, text: await response.text() };
}

describe("while a task blocks its executor", () => {
  it("health and readiness answer at once", async () => {
    await place.run(["call", APP, "cpu.spin", "[3000]"]);
    await worker.line(/cpu\.spin blocks its executor/);
    const began = performance.now();
    expect(await get("/healthz")).toMatchObject({ status: 200, text: expect.stringContaining('"alive":true') });
    expect(await get("/readyz")).toMatchObject({ status: 200, text: '{"ready":true,"reasons":[]}\n' });
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  it("metrics count the stall", async () => {
    expect((await get("/metrics")).text).toMatch(/lovage_task_stalls_total\{task="cpu\.spin",pool="io"\} [1-9]/);
  });
});

it("metrics tell tasks by outcome, durations, pools, queues and the broker", async () => {
  await place.run(["call", APP, "math.add", "[1, 2]", "--wait"]);
  await place.run(["call", APP, "math.fail", '["x"]', "--wait"]);
  await expect
    .poll(async () => (await get("/metrics")).text)
    .toMatch(/lovage_tasks_total\{task="math\.fail",queue="io",outcome="failed"\} 1/);
  const { text } = await get("/metrics");
  expect(text).toContain('lovage_tasks_total{task="math.add",queue="io",outcome="succeeded"} 1');
  expect(text).toContain('lovage_task_duration_seconds_count{task="math.add",queue="io"} 1');
  expect(text).toContain('lovage_pool_capacity{pool="io",kind="event"} 10');
  expect(text).toContain('lovage_pool_executors{pool="cpu",kind="process",state="ready"} 1');
  expect(text).toMatch(/lovage_queue_messages\{queue="io",state="ready"\} \d/);
  expect(text).toContain("lovage_broker_connected 1");
  expect(text).toContain('lovage_worker_state{state="running"} 1');
  expect(text).toMatch(/lovage_engine_lag_seconds [\d.e-]+/);
});

it("what is not there is 404, what is not reading is 405", async () => {
  expect(await get("/")).toMatchObject({ status: 404, text: expect.stringContaining("/readyz") });
  expect((await fetch(`${url}/healthz`, { method: "POST" })).status).toBe(405);
});

it("a quiet worker is alive and not ready", async () => {
  await place.run(["control", "quiet"]);
  expect((await get("/healthz")).status).toBe(200);
  expect(await get("/readyz")).toMatchObject({ status: 503, text: expect.stringContaining("worker is quiet") });
  await place.run(["control", "unquiet"]);
});

it("an address in use is a configuration error", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  const { code, stderr } = await place.run(["worker", APP, "-P", "event", "--http", `127.0.0.1:${port}`]);
  taken.close();
  expect(code).toBe(64);
  expect(stderr).toMatch(/--http: cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
});
