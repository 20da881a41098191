import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { APP, APPS, logged, Workplace } from "../support/lovage.ts";

const LIBUV = path.join(APPS, "libuv.ts");

let place: Workplace;

beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.close());

it.runIf(process.platform === "linux")(
  "sizes libuv's pool for the loops of the worker, and leaves that of children as it is",
  async () => {
    await place.run(["call", LIBUV, "libuv.loop"]);
    const worker = place.start(["worker", LIBUV, "--pool", "io=event:10", "--pool", "cpu=process:1"]);
    const [loop, child] = await Promise.all([
      place.run(["call", LIBUV, "libuv.loop", "[]", "--wait"]),
      place.run(["call", LIBUV, "libuv.child", "[]", "--wait"]),
    ]);
    expect(JSON.parse(loop.stdout)).toEqual({ size: "unset", threads: 20 });
    expect(JSON.parse(child.stdout)).toEqual({ size: "unset", threads: 4 });
    worker.kill("SIGTERM");
    await worker.ended;
  },
);

it("keeps the size of libuv's pool that was given", async () => {
  const worker = place.start(["worker", LIBUV, "-P", "event"], { UV_THREADPOOL_SIZE: "7" });
  const loop = await place.run(["call", LIBUV, "libuv.loop", "[]", "--wait"]);
  expect(JSON.parse(loop.stdout)).toMatchObject({ size: "7" });
  worker.kill("SIGTERM");
  await worker.ended;
});

it("says how long the start took", async () => {
  const worker = await place.worker(["-P", "event", "-b", "memory:"]);
  expect(logged(await worker.line(/"worker ready"/)).readyMs).toBeGreaterThan(0);
});

it("prints help that shows flags, signals and exit codes", async () => {
  const help = await place.run(["worker", "--help"]);
  expect(help.code).toBe(0);
  for (const part of ["--pool <name=kind:size>", "LOVAGE_BROKER", "Signals:", "Exit codes:", "Examples:"])
    expect(help.stdout).toContain(part);
  expect(await place.run(["--version"])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+/) });
});

it("completes commands in three shells", async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, stdout } = await place.run(["completion", shell]);
    expect(code).toBe(0);
    expect(stdout).toContain("purge");
  }
  const { stdout } = await place.run(["completion", "bash"]);
  expect(stdout).toMatch(/"queue"\) words="ls stats purge pause resume/);
  expect(await place.run(["completion", "csh"])).toMatchObject({ code: 64 });
});

it("says which file and why when the app loads in the engine and throws in its executors, and leaves nothing behind", async () => {
  const ended = await place.run(["worker", path.join(APPS, "half.ts")]);
  expect(ended.code).toBe(66);
  expect(ended.stderr).toContain("half.ts");
  expect(await place.run(["worker", APP, "--drain"])).toMatchObject({ code: 0 });
});
