import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { APP, logged, type Running, Workplace } from "../support/lovage.ts";

let place: Workplace;

beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.close());

/** Enqueues a task that announces itself, and waits until it runs in `worker`. */
async function running(worker: Running, ms: number): Promise<string> {
  const id = (await place.run(["call", APP, "time.nap", `[${ms}]`])).stdout;
  await worker.line(new RegExp(`napping for ${ms}`));
  return id;
}

async function ready(id: string): Promise<boolean> {
  const { stdout } = await place.run(["queue", "stats", "io", "--json"]);
  const [state] = JSON.parse(stdout) as { ready: number }[];
  return state?.ready === 1 && id !== "";
}

describe.each(["SIGTERM", "SIGINT"] as const)("%s", (signal) => {
  const second = signal === "SIGINT" ? 130 : 143;

  it("lets what runs finish, and ends with 0", async () => {
    const worker = await place.worker(["-P", "event"]);
    const id = await running(worker, 700);
    worker.kill(signal);
    expect(await worker.ended).toMatchObject({ code: 0 });
    expect(await place.run(["result", id])).toMatchObject({ code: 0, stdout: '"rested"' });
  });

  it("gives back what outlives the grace time, and ends with 75", async () => {
    const worker = await place.worker(["-P", "event", "--grace", "400ms"]);
    const id = (await place.run(["call", APP, "time.snore", "[60000]"])).stdout;
    await worker.line((line) => line.includes("worker ready"));
    await until(async () => (await place.run(["inspect", "active", "--json"])).stdout.includes(id));
    worker.kill(signal);
    expect(await worker.ended).toMatchObject({ code: 75 });
    expect(await ready(id)).toBe(true);
  });

  it(`twice gives back at once, and ends with ${second}`, async () => {
    const worker = await place.worker(["-P", "event", "--grace", "1h"]);
    const id = await running(worker, 60_000);
    worker.kill(signal);
    await worker.line(new RegExp(`${signal}: running tasks may finish`));
    worker.kill(signal);
    expect(await worker.ended).toMatchObject({ code: second });
    expect(await ready(id)).toBe(true);
  });
});

it("SIGTERM while draining lets what runs finish as well", async () => {
  const id = (await place.run(["call", APP, "time.nap", "[1500]"])).stdout;
  const worker = await place.worker(["-P", "event", "--drain"]);
  await worker.line(/napping for 1500/);
  worker.kill("SIGTERM");
  expect(await worker.ended).toMatchObject({ code: 0 });
  expect(await place.run(["result", id])).toMatchObject({ code: 0 });
});

it("SIGQUIT gives back at once, and ends with 75", async () => {
  const worker = await place.worker(["-P", "process", "-c", "1", "--grace", "1h"]);
  const id = await running(worker, 60_000);
  worker.kill("SIGQUIT");
  expect(await worker.ended).toMatchObject({ code: 75 });
  expect(await ready(id)).toBe(true);
});

it("SIGTERM while starting ends with 0", async () => {
  const worker = place.start(["worker", APP, "--log", "json", "--http", "127.0.0.1:0"]);
  await worker.line(/health, readiness and metrics at/);
  worker.kill("SIGTERM");
  expect(await worker.ended).toMatchObject({ code: 0 });
});

it("SIGTSTP takes no new work, SIGCONT takes it again", async () => {
  const worker = await place.worker(["-P", "event", "--log-level", "debug"]);
  worker.kill("SIGTSTP");
  await worker.line(/worker is quiet/);
  const id = (await place.run(["call", APP, "math.add", "[1, 1]"])).stdout;
  expect(await place.run(["result", id, "--wait", "--timeout", "400ms"])).toMatchObject({ code: 1 });
  worker.kill("SIGCONT");
  expect(await place.run(["result", id, "--wait", "--timeout", "10s"])).toMatchObject({ code: 0, stdout: "2" });
  worker.kill("SIGTERM");
  expect(await worker.ended).toMatchObject({ code: 0 });
});

it("SIGUSR2 writes what runs to the log", async () => {
  const worker = await place.worker(["-P", "event"]);
  const id = await running(worker, 60_000);
  worker.kill("SIGUSR2");
  expect(logged(await worker.line(/dump: time\.nap runs for/))).toMatchObject({ id, pool: "main", attempt: 1 });
  await worker.line(/dump: pool main: 1 of 100 slots taken/);
  worker.kill("SIGQUIT");
  expect(await worker.ended).toMatchObject({ code: 75 });
});

/** A bounded poll, where there is no event to wait for. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await condition())) if (performance.now() > end) throw new Error("it did not happen within 10 s");
}
