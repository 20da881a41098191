import { describe, expect, it } from "vitest";
import { BrokerUnavailableError, type OutgoingMessage } from "../../src/contracts/index.ts";
import { createApp, task } from "../../src/index.ts";
import { memoryBroker, memoryResults, memoryServer } from "../../src/memory/index.ts";
import { callersResults } from "../callers-results.ts";
import { harness } from "../engine/harness.ts";

const none = (): void => {};

async function client() {
  const results = callersResults("here");
  const server = memoryServer();
  const broker = memoryBroker({ server });
  const published: OutgoingMessage[] = [];
  const publish = broker.publish.bind(broker);
  broker.publish = (messages) => {
    published.push(...messages);
    return publish(messages);
  };
  const kept = task("kept", none);
  const silent = task("silent", none, { result: false });
  const app = createApp({ tasks: [kept, silent], broker, results });
  return { app, kept, silent, results, published };
}

describe("results that go to their callers", () => {
  it("have an address on their messages, before these are sent; what keeps no result has none", async () => {
    const { kept, silent, results, published } = await client();
    const run = await kept.enqueue();
    await silent.enqueue();
    await kept.with({ result: false }).enqueue();
    await silent.with({ result: { ttl: "5m" } }).enqueue();
    expect(published.map(({ headers }) => headers.replyTo)).toEqual(["here", undefined, undefined, "here"]);
    expect(results.awaited.read(run.id)).toBeUndefined();
    results.awaited.arrived({ id: run.id, task: "kept", state: "succeeded", final: true, attempt: 1 });
    expect(await run.result()).toBeUndefined();
    expect(await run.state()).toBe("succeeded");
  });

  it("refuse the enqueueing when no address can be had, and nothing is sent", async () => {
    const { kept, silent, results, published } = await client();
    results.refusal = new BrokerUnavailableError("away");
    await expect(kept.enqueue()).rejects.toMatchObject({ code: "BROKER_UNAVAILABLE", message: "away" });
    await silent.enqueue();
    expect(published.map(({ headers }) => headers.task)).toEqual(["silent"]);
  });

  it("are not expected of what the broker refused", async () => {
    const { app, results } = await client();
    const id = "01890a5d-ac96-774b-bcce-b302099a8057";
    await expect(app.enqueue("kept", ["x".repeat(64 * 1024 * 1024)], { id })).rejects.toMatchObject({
      code: "BODY_TOO_LARGE",
    });
    expect(() => results.awaited.read(id)).toThrow(expect.objectContaining({ code: "RESULT_ELSEWHERE" }));
  });

  it("are told of a run that its caller cancelled before it began, and of nobody else's", async () => {
    const { app, kept, results } = await client();
    const [mine, others] = [await kept.with({ delay: "1h" }).enqueue(), await kept.with({ delay: "1h" }).enqueue()];
    await results.forget([others.id]);
    expect(await mine.cancel({ reason: "enough" })).toBe("removed");
    expect(await others.cancel()).toBe("removed");
    await expect(mine.result()).rejects.toMatchObject({ code: "TASK_CANCELLED" });
    expect(results.written.map(({ id }) => id)).toEqual([mine.id]);
    await app.close();
  });

  it("reject where the task was not enqueued, instead of waiting", async () => {
    const { app } = await client();
    const elsewhere = app.handle("01890a5d-ac96-774b-bcce-b302099a8057");
    await expect(elsewhere.result()).rejects.toMatchObject({ code: "RESULT_ELSEWHERE" });
    await expect(elsewhere.state()).rejects.toMatchObject({ code: "RESULT_ELSEWHERE" });
  });

  it("are written by the engine with the message's address, and not at all without one", async () => {
    const results = callersResults("here");
    const { worker, pool, send, next } = await harness({ results });
    const [asked] = await send(1, { headers: { replyTo: "there" } });
    (await pool.nth(0)).returns("1");
    await next("task-succeeded");
    await send(1);
    (await pool.nth(1)).returns("2");
    await next("task-succeeded");
    await worker.drained();
    expect(results.written).toMatchObject([{ id: asked, replyTo: "there", final: true }]);
    await worker.stop();
  });

  it("are missed by their callers where the worker keeps results elsewhere, which it says once", async () => {
    const { worker, pool, send, next, events } = await harness({ results: memoryResults() });
    await send(2, { headers: { replyTo: "there" } });
    expect(await next("warning")).toMatchObject({
      code: "replies-unserved",
      message: expect.stringContaining("--results"),
    });
    (await pool.nth(0)).returns("1");
    (await pool.nth(1)).returns("2");
    await worker.drained();
    expect(events.filter(({ type }) => type === "warning")).toHaveLength(1);
    await worker.stop();
  });
});

describe("what a caller awaits", () => {
  const record = (id: string) => ({ id, task: "t", state: "succeeded", final: true, attempt: 1 }) as const;

  it("is lost with a reason for those who wait, unless it has arrived; what arrives later is there all the same", async () => {
    const { awaited } = callersResults("here");
    awaited.expect(["a", "b"]);
    awaited.arrived(record("a"));
    const waiting = awaited.wait("b", undefined).next();
    awaited.lose("away");
    await expect(waiting).rejects.toMatchObject({ code: "RESULT_LOST", message: expect.stringContaining("away") });
    expect(awaited.read("a")).toMatchObject({ state: "succeeded" });
    awaited.arrived(record("b"));
    expect(awaited.read("b")).toMatchObject({ state: "succeeded" });
  });

  it("makes room for the newest", () => {
    const { awaited } = callersResults("here");
    const ids = Array.from({ length: 150 }, (_, index) => `${index}`);
    awaited.expect(ids);
    for (const id of ids) awaited.arrived(record(id));
    expect(() => awaited.read("0")).toThrow(expect.objectContaining({ code: "RESULT_LOST" }));
    expect(awaited.read("50")).toMatchObject({ id: "50" });
  });
});
