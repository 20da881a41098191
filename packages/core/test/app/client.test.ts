import { describe, expect, it } from "vitest";
import type { Broker, ControlCommand, ResultRecord } from "../../src/contracts/index.ts";
import { createApp, task } from "../../src/index.ts";
import { memoryBroker, memoryResults, memoryServer } from "../../src/memory/index.ts";
import { type SleepyBroker, sleepyBroker } from "../../src/testing/index.ts";
import { bench } from "./bench.ts";

const add = (a: number, b = 1) => a + b;

function sleepyWire(operationTimeoutMs: number): { wire: (broker: Broker) => Broker; sleepy: () => SleepyBroker } {
  let sleepy: SleepyBroker | undefined;
  return {
    wire: (broker) => {
      sleepy = sleepyBroker(broker, { operationTimeoutMs });
      return sleepy;
    },
    sleepy: () => sleepy as SleepyBroker,
  };
}

describe("a publish whose answer is lost", () => {
  it("is repeated with the same id until it is known, so there is one message", async () => {
    const sum = task("math.add", add);
    const { wire, sleepy } = sleepyWire(40);
    const { published, other } = await bench({ tasks: [sum], wire });
    await sum.enqueue(0);
    sleepy().dropReplies();
    const run = sum.enqueue(1);
    await expect.poll(() => published.length).toBeGreaterThan(2);
    sleepy().wake();
    const { id } = await run;
    expect(
      new Set(
        published
          .slice(1)
          .flat()
          .map((message) => message.id),
      ),
    ).toEqual(new Set([id]));
    expect(await other.depth("io")).toMatchObject({ ready: 2 });
  });

  it("rejects at the deadline with an error that says the id may be enqueued again", async () => {
    const sum = task("math.add", add);
    const { wire, sleepy } = sleepyWire(5_000);
    const { published } = await bench({ tasks: [sum], wire, publishTimeout: "80ms" });
    await sum.enqueue(0);
    sleepy().hang();
    await expect(sum.enqueue(1)).rejects.toMatchObject({ code: "PUBLISH_UNKNOWN", retryable: true });
    await expect(sum.enqueueMany([[1], [2]])).rejects.toMatchObject({
      code: "BULK_ENQUEUE",
      outcomes: [{ status: "unknown" }, { status: "unknown" }],
    });
    sleepy().wake();
    const id = published[1]?.[0]?.id as string;
    expect((await sum.with({ id }).enqueue(1)).id).toBe(id);
  });

  it("is told apart from a broker that was never reached: nothing was sent", async () => {
    const sum = task("math.add", add);
    const { wire, sleepy } = sleepyWire(5_000);
    const { published } = await bench({ tasks: [sum], wire, publishTimeout: "50ms" });
    sleepy().hang();
    await expect(sum.enqueue(1)).rejects.toMatchObject({ code: "BROKER_UNAVAILABLE", retryable: true });
    expect(published).toEqual([]);
    sleepy().wake();
    await expect(sum.enqueue(1)).resolves.toBeDefined();
  });
});

describe("a message that the broker does not take", () => {
  it("is refused before it is sent when its body is too large or its delay too long", async () => {
    const text = task("text", (_text: string) => 1);
    const { published } = await bench({ tasks: [text], server: { maxMessageBytes: 100 } });
    await text.enqueue("fits");
    await expect(text.enqueue("ü".repeat(60))).rejects.toMatchObject({
      code: "BODY_TOO_LARGE",
      subject: { bytes: 126, limit: 100, task: "text" },
    });
    expect(published).toHaveLength(1);
  });

  it("does not take its neighbours with it", async () => {
    const text = task("text", (_text: string) => 1);
    const { take } = await bench({ tasks: [text], server: { maxMessageBytes: 100 } });
    await expect(text.enqueueMany([["a"], ["x".repeat(200)], ["b"]])).rejects.toMatchObject({
      code: "BULK_ENQUEUE",
      retryable: false,
      message: expect.stringContaining("1 of 3"),
      outcomes: [{ status: "accepted" }, { status: "refused" }, { status: "accepted" }],
    });
    expect((await take("io", 2)).map(({ message }) => message.body)).toEqual(['[["a"]]', '[["b"]]']);
  });

  it("rejects with the broker's own error", async () => {
    const sum = task("math.add", add);
    await bench({ tasks: [sum], server: { maxMessages: 1 } });
    await sum.enqueue(1);
    await expect(sum.enqueue(2)).rejects.toMatchObject({ code: "BROKER_FULL" });
  });

  it("is sent again when its queue was destroyed meanwhile", async () => {
    const sum = task("math.add", add);
    const { other, take } = await bench({ tasks: [sum] });
    await sum.enqueue(1);
    await other.destroyQueue("io");
    await sum.enqueueMany([[2], [3]]);
    expect((await take("io", 2)).map(({ message }) => message.body)).toEqual(["[[2]]", "[[3]]"]);
  });
});

describe("a handle", () => {
  const record = (id: string, more: Partial<ResultRecord>): ResultRecord => ({
    id,
    task: "math.add",
    state: "succeeded",
    final: true,
    attempt: 1,
    ...more,
  });

  async function withRun() {
    const sum = task("math.add", add);
    const server = memoryServer();
    const results = memoryResults({ server });
    await results.connect();
    const made = await bench({ tasks: [sum], results });
    return { ...made, results, run: await sum.enqueue(1) };
  }

  it("waits for the value, whether it is there already or comes later", async () => {
    const { run, results, app } = await withRun();
    const waiting = run.result({ timeout: "5s" });
    await results.write([record(run.id, { state: "running", final: false, progress: "0.5" })]);
    expect(await run.state()).toBe("running");
    expect(await run.progress()).toBe(0.5);
    await results.write([record(run.id, { value: '{"a":1}' })]);
    expect(await waiting).toEqual({ a: 1 });
    expect(await app.handle(run.id).result()).toEqual({ a: 1 });
    expect(await run.state()).toBe("succeeded");
  });

  it("gives undefined for a task that returned nothing", async () => {
    const { run, results } = await withRun();
    await results.write([record(run.id, {})]);
    expect(await run.result()).toBeUndefined();
    expect(await run.progress()).toBeUndefined();
  });

  it("rejects with the task's error as data, with the cancellation, or with the timeout", async () => {
    const { run, results, app } = await withRun();
    expect(await run.state()).toBeUndefined();
    await expect(run.result({ timeout: 20 })).rejects.toMatchObject({ code: "RESULT_TIMEOUT", retryable: true });
    const error = { name: "TypeError", message: "no such order", code: "E_ORDER" };
    await results.write([record(run.id, { state: "failed", error })]);
    await expect(run.result()).rejects.toMatchObject({
      code: "TASK_FAILED",
      error,
      message: expect.stringContaining("no such order"),
    });
    const other = app.handle("01900000-0000-7000-8000-000000000000");
    await results.write([
      record(other.id, { state: "cancelled", error: { name: "TaskCancelledError", message: "too late" } }),
    ]);
    await expect(other.result()).rejects.toMatchObject({
      code: "TASK_CANCELLED",
      message: expect.stringContaining("too late"),
    });
  });

  it("does not wait for a result that is not kept, and says where there is no store", async () => {
    const quiet = task("quiet", add, { result: false });
    const loud = task("loud", add);
    const broker = memoryBroker();
    const app = createApp({ tasks: [quiet, loud], broker });
    await expect((await quiet.enqueue(1)).result()).rejects.toMatchObject({ code: "RESULT_NOT_FOUND" });
    await expect((await loud.with({ result: false }).enqueue(1)).result()).rejects.toMatchObject({
      code: "RESULT_NOT_FOUND",
    });
    await expect((await quiet.with({ result: { ttl: "1h" } }).enqueue(1)).result()).rejects.toMatchObject({
      code: "NO_RESULT_STORE",
    });
    await app.close();
  });

  it("cancels a waiting run: it never begins, and its result says so", async () => {
    const { run, results, other, take } = await withRun();
    await results.write([record(run.id, { state: "retrying", final: false, attempt: 3 })]);
    expect(await run.cancel({ reason: "not needed" })).toBe("removed");
    await expect(run.result()).rejects.toMatchObject({
      code: "TASK_CANCELLED",
      message: expect.stringContaining("not needed"),
    });
    expect((await results.read([run.id]))[0]).toMatchObject({
      state: "cancelled",
      final: true,
      attempt: 3,
      task: "math.add",
    });
    expect(await other.depth("io")).toMatchObject({ ready: 0 });
    expect(await take("io", 0)).toEqual([]);
  });

  it("cancels a running run by telling the workers", async () => {
    const { run, take, other } = await withRun();
    await take("io");
    const heard = Promise.withResolvers<ControlCommand>();
    await other.control?.serve({ id: "w", host: "h", pid: 1, startedAt: 0, version: "0" }, (command) => {
      heard.resolve(command);
    });
    expect(await run.cancel({ reason: "stop it", stop: true })).toBe("owned");
    expect(await heard.promise).toMatchObject({
      name: "cancel",
      args: { ids: [run.id], reason: "stop it", stop: true },
    });
    expect(await run.state()).toBeUndefined();
  });
});
