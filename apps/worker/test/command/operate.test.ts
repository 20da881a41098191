import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { APP, type Running, Workplace } from "../support/lovage.ts";

let place: Workplace;
let worker: Running;

beforeAll(async () => {
  place = new Workplace();
  worker = await place.worker(["--name", "w1", "--pool", "io=event:10", "--pool", "cpu=process:1"]);
});
afterAll(() => place.close());

const lovage = (...args: string[]) => place.run(args);

async function json<T>(...args: string[]): Promise<T> {
  const { stdout, stderr } = await lovage(...args, "--json");
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout) as T;
}

async function enqueue(task: string, args: string, ...flags: string[]): Promise<string> {
  return (await lovage("call", APP, task, args, ...flags)).stdout;
}

describe("call and result", () => {
  it("print the value, or the error and exit code 1", async () => {
    expect(await lovage("call", APP, "math.add", "[20, 22]", "--wait", "--json")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"value":42'),
    });
    const failed = await lovage("call", APP, "math.fail", '["boom"]', "--wait");
    expect(failed).toMatchObject({ code: 1, stdout: "" });
    expect(failed.stderr).toContain("Error: boom");
  });

  it("give up waiting after --timeout, and the task runs on", async () => {
    const slow = await lovage("call", APP, "time.nap", "[1500]", "--wait", "--timeout", "200ms");
    expect(slow).toMatchObject({ code: 1 });
    expect(slow.stderr).toMatch(/has no result after 200 ms; it may still finish/);
  });

  it("recognise an id that was used before", async () => {
    const id = "0198c5a2-7f3e-7cc1-9d3a-5f0c2b7e8a11";
    expect(await enqueue("math.add", "[1, 1]", "--id", id, "--delay", "1h")).toBe(id);
    expect(await enqueue("math.add", "[1, 1]", "--id", id, "--delay", "1h")).toBe(id);
    expect(await json("queue", "stats", "io")).toMatchObject([{ queue: "io", delayed: 1 }]);
    await lovage("cancel", id);
  });

  it("show a record as JSON", async () => {
    const id = await enqueue("math.square", "[5]");
    expect(await json("result", id, "--wait")).toMatchObject({
      id,
      task: "math.square",
      state: "succeeded",
      final: true,
      value: 25,
      worker: "w1",
    });
  });
});

describe("ps and inspect", () => {
  it("list the worker with its load", async () => {
    const { stdout, code } = await lovage("ps");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^WORKER +STATE +PID/);
    expect(stdout).toMatch(new RegExp(`^w1 +running +${worker.pid} `, "m"));
    expect(await json("ps")).toMatchObject([{ identity: { id: "w1", pid: worker.pid }, state: "running" }]);
  });

  it("show what runs", async () => {
    const id = await enqueue("time.nap", "[60000]");
    await worker.line(/napping for 60000/);
    expect((await lovage("inspect", "active")).stdout).toMatch(new RegExp(`${id} +time\\.nap +io +io +1 `));
    expect(await json("inspect", "active", "--worker", "w1")).toMatchObject([
      // An earlier test's may still run out.
      { worker: "w1", value: expect.arrayContaining([expect.objectContaining({ id, stalled: false })]) },
    ]);
    await lovage("cancel", id);
  });

  it("show tasks, statistics and who set which option", async () => {
    expect((await lovage("inspect", "registered")).stdout).toMatch(/^math\.flaky +w1$/m);
    expect((await lovage("inspect", "stats")).stdout).toMatch(/^cpu +process +\d+ +1 +1 /m);
    expect((await lovage("inspect", "conf")).stdout).toMatch(/^math\.flaky +attempts +2 +task +w1$/m);
    expect((await lovage("inspect", "reserved")).stdout).toMatch(/^ID +TASK/);
  });

  it("say when the worker that was meant does not answer", async () => {
    const { code, stderr } = await lovage("inspect", "stats", "--worker", "w2", "--timeout", "300ms");
    expect(code).toBe(1);
    expect(stderr).toContain("w2 does not answer");
  });

  it("say when nobody answers", async () => {
    expect(await lovage("ps", "-b", "sqlite:./empty.db")).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("no worker answers"),
    });
    expect(await json("ps", "-b", "sqlite:./empty.db")).toEqual([]);
  });
});

describe("cancel", () => {
  it("removes what waits", async () => {
    const id = await enqueue("math.add", "[1, 1]", "--delay", "1h");
    expect((await lovage("cancel", id, "--reason", "not needed")).stdout).toBe(`${id} was waiting and is removed`);
    const result = await lovage("result", id);
    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining("cancelled") });
    expect(result.stderr).toContain("not needed");
  });

  it("ends what runs, and says where", async () => {
    const id = await enqueue("time.nap", "[50001]");
    await worker.line(/napping for 50001/);
    expect((await lovage("cancel", id)).stdout).toBe(`${id} was running and is told to end (w1)`);
    expect(await lovage("result", id, "--wait", "--timeout", "10s")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("cancelled"),
    });
  });

  it("says what is not here", async () => {
    const { code, stdout } = await lovage("cancel", "0198c5a2-7f3e-7cc1-9d3a-5f0c2b7e8a12");
    expect(code).toBe(1);
    expect(stdout).toContain("is not here");
  });
});

describe("control", () => {
  it("resizes a pool, and refuses one that is not there", async () => {
    expect(await lovage("control", "pool", "io", "resize", "25")).toMatchObject({
      code: 0,
      stdout: 'w1: {"pool":"io","capacity":25}',
    });
    expect(await json("ps")).toMatchObject([{ pools: { io: { capacity: 25 } } }]);
    expect(await lovage("control", "pool", "nope", "resize", "2")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('has no pool "nope"'),
    });
    expect(await lovage("control", "pool", "io", "resize", "0")).toMatchObject({ code: 64 });
  });

  it("makes a worker quiet and lets it go on", async () => {
    expect((await lovage("control", "quiet")).stdout).toBe("w1: quiet");
    expect((await lovage("ps")).stdout).toMatch(/^w1 +quiet/m);
    expect((await lovage("control", "unquiet")).stdout).toBe("w1: running");
    expect((await lovage("control", "ping")).stdout).toBe("w1: pong");
  });
});

describe("queue", () => {
  it("lists, counts, pauses, resumes and purges", async () => {
    expect((await lovage("queue", "ls")).stdout).toBe("cpu\nio");
    await lovage("queue", "pause", "cpu");
    const id = await enqueue("math.square", "[9]");
    expect((await lovage("queue", "stats", "cpu")).stdout).toMatch(/^cpu +1 +0 +0 +0 +\S+ +paused$/m);
    expect((await lovage("queue", "purge", "cpu", "--yes")).stdout).toBe("1 message removed from cpu");
    await lovage("queue", "resume", "cpu");
    expect(await json("queue", "stats", "cpu")).toMatchObject([{ ready: 0, paused: false }]);
    expect(await lovage("result", id)).toMatchObject({ code: 1 });
  });

  it("that does not exist is an error", async () => {
    expect(await lovage("queue", "pause", "nope")).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('"nope" does not exist'),
    });
  });
});

describe("dead letters", () => {
  it("are listed, shown, retried and dropped", async () => {
    await lovage("dead", "drop", "io", "--all", "--yes");
    const id = await enqueue("math.fail", '["once more"]');
    await lovage("result", id, "--wait");
    await expect
      .poll(async () => (await lovage("dead", "ls")).stdout)
      .toMatch(new RegExp(`${id} +math\\.fail +io .* failed +Error: once more`));
    const shown = (await lovage("dead", "show", id)).stdout;
    expect(shown).toMatch(/^reason +failed$/m);
    expect(shown).toMatch(/^body +\[\["once more"\]\]$/m);
    expect((await lovage("dead", "retry", "io", id)).stdout).toBe("1 dead letter of io made ready again");
    await expect.poll(async () => json<unknown[]>("dead", "ls", "io")).toHaveLength(1);
    expect((await lovage("dead", "drop", "io", id, "--yes")).stdout).toBe("1 dead letter of io removed");
    expect(await lovage("dead", "show", id)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("there is no dead letter"),
    });
    expect(await lovage("dead", "retry", "io")).toMatchObject({
      code: 64,
      stderr: expect.stringContaining("which ones?"),
    });
  });
});

describe("events", () => {
  it("are one JSON line each, with start and finish of what ran", async () => {
    const events = place.start(["events", "--json", "--task", "math.add", "--task", "math.fail"]);
    await expect.poll(() => events.stderr()).toContain("listening at");
    const id = await enqueue("math.add", "[3, 4]");
    const line = JSON.parse(
      await events.line((text) => text.includes(id) && text.includes("task-succeeded")),
    ) as Record<string, number>;
    expect(line).toMatchObject({ task: "math.add", worker: "w1", attempt: 1, pool: "io" });
    expect(line.finishedAt).toBeCloseTo((line.startedAt ?? 0) + (line.durationMs ?? 0), 3);
    const failed = await enqueue("math.fail", '["x"]');
    expect(
      JSON.parse(await events.line((text) => text.includes(failed) && text.includes("task-failed"))),
    ).toMatchObject({ error: { message: "x" } });
    events.kill("SIGINT");
    expect(await events.ended).toMatchObject({ code: 0 });
  });

  it("are readable lines for people", async () => {
    const events = place.start(["events", "--type", "retried"]);
    await expect.poll(() => events.stderr()).toContain("listening at");
    await enqueue("math.flaky", "[]");
    expect(await events.line(/retried/)).toMatch(/math\.flaky .* again in 10ms: Error: not yet/);
    expect(events.lines).toHaveLength(1);
    events.kill("SIGTERM");
    expect(await events.ended).toMatchObject({ code: 0 });
  });
});

it("doctor checks machine, broker, queues and workers", async () => {
  const { code, stdout } = await lovage("doctor");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ok +node: Node/m);
  expect(stdout).toMatch(/^ok +workers: 1 worker answered: w1$/m);
  expect(await json<unknown[]>("doctor")).toContainEqual(expect.objectContaining({ check: "broker", level: "ok" }));
});

it("control shutdown stops the worker, which ends with 0", async () => {
  expect((await lovage("control", "shutdown", "--grace", "5s")).stdout).toBe("w1: stopping");
  expect(await worker.ended).toMatchObject({ code: 0 });
});
