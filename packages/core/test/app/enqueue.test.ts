import { validate as isUuid, v5 as uuidv5, version } from "uuid";
import { describe, expect, it } from "vitest";
import { createApp, jsonCodec, NoBrokerError, task, taskRef } from "../../src/index.ts";
import { bench } from "./bench.ts";
import { Issue, schema } from "./standard-schema.ts";

const add = (a: number, b = 1) => a + b;
const pair = schema<[string], [number]>(([text]) =>
  /^\d+$/.test(text) ? [Number(text)] : new Issue("not a number", [0]),
);

describe("enqueue", () => {
  it("puts a message in the task's queue, and its handle carries the message's id", async () => {
    const sum = task("math.add", add, { queue: "cpu", priority: 7, expires: "1h" });
    const { take } = await bench({ tasks: [sum] });
    const before = Date.now();
    const run = await sum.enqueue(1, 2);
    const [delivery] = await take("cpu");
    expect(delivery?.message).toMatchObject({ id: run.id, body: "[[1,2]]", priority: 7 });
    expect(version(run.id)).toBe(7);
    const { publishedAt, expiresAt, ...headers } = delivery?.message.headers ?? { task: "" };
    expect(headers).toEqual({ task: "math.add" });
    expect(publishedAt).toBeGreaterThanOrEqual(before);
    expect((expiresAt as number) - (publishedAt as number)).toBe(3_600_000);
  });

  it("lets with() win over task and route, for these calls only", async () => {
    const sum = task("math.add", add, { queue: "cpu" });
    const { take } = await bench({ tasks: [sum], routes: { "*": { priority: 2 } } });
    const id = uuidv5("order 17", uuidv5.URL);
    const run = await sum
      .with({ queue: "io", priority: 9, retry: 3, id: id.toUpperCase(), headers: { "shop.order": 17 } })
      .enqueue(1);
    await sum.enqueue(2);
    const [special] = await take("io");
    const [usual] = await take("cpu");
    expect(run.id).toBe(id);
    expect(special?.message).toMatchObject({ id, priority: 9, headers: { "shop.order": 17, "retry.attempts": 3 } });
    expect(usual?.message).toMatchObject({ priority: 2, body: "[[2]]" });
  });

  it("keeps a delayed message back in the broker", async () => {
    const sum = task("math.add", add);
    const { other, published, take } = await bench({ tasks: [sum] });
    await sum.with({ delay: "5m" }).enqueue(1);
    await sum.with({ at: new Date(Date.now() + 60_000) }).enqueue(1);
    await sum.with({ at: 0 }).enqueue(2);
    expect(await other.depth("io")).toMatchObject({ ready: 1, delayed: 2 });
    expect((await take("io")).map(({ message }) => message.body)).toEqual(["[[2]]"]);
    expect(published.flat().map(({ dueAt }) => dueAt === undefined)).toEqual([false, false, true]);
  });

  it("sends everything of one tick as one batch, through awaits of the same tick", async () => {
    const sum = task("math.add", add);
    const checked = task("math.double", (n: number) => n * 2, { schema: { args: pair } });
    const { published } = await bench({ tasks: [sum, checked] });
    await Promise.all([
      sum.enqueue(1),
      sum.enqueueMany([[2], [3]]),
      checked.enqueue("4"),
      sum.with({ priority: 1 }).enqueue(5),
    ]);
    expect(published.map((batch) => batch.length)).toEqual([5]);
  });

  it("publishes an enqueueMany at once, in order, with one handle each", async () => {
    const sum = task("math.add", add);
    const { published, take } = await bench({ tasks: [sum] });
    const runs = await sum.enqueueMany([[1], [2, 3], [4]]);
    expect(published).toHaveLength(1);
    const deliveries = await take("io", 3);
    expect(deliveries.map(({ message }) => message.body)).toEqual(["[[1]]", "[[2,3]]", "[[4]]"]);
    expect(deliveries.map(({ message }) => message.id)).toEqual(runs.map(({ id }) => id));
    expect(await sum.enqueueMany([])).toEqual([]);
  });

  it("declares each queue once, with the app's settings", async () => {
    const sum = task("math.add", add, { queue: "mail" });
    const { broker } = await bench({
      tasks: [sum],
      queues: { mail: { lease: "30s", maxDead: 5, deadRetention: "1d" } },
    });
    const declared: unknown[] = [];
    const ensureQueue = broker.ensureQueue.bind(broker);
    broker.ensureQueue = (declaration) => {
      declared.push(declaration);
      return ensureQueue(declaration);
    };
    await Promise.all([sum.enqueue(1), sum.enqueue(2)]);
    await sum.enqueue(3);
    expect(declared).toEqual([{ name: "mail", leaseMs: 30_000, maxDead: 5, deadRetentionMs: 86_400_000 }]);
  });

  it("refuses at the call what JSON cannot carry, and sends nothing", async () => {
    const any = task("any", (_value: unknown) => 1);
    const { published } = await bench({ tasks: [any] });
    await expect(any.enqueue({ when: new Date() })).rejects.toMatchObject({
      code: "NOT_SERIALIZABLE",
      subject: { path: "args[0].when" },
    });
    await expect(any.enqueueMany([[1], [2n]])).rejects.toMatchObject({ code: "NOT_SERIALIZABLE" });
    expect(published).toEqual([]);
  });

  it("checks the arguments against the schema, and sends its input", async () => {
    const double = task("math.double", (n: number) => n * 2, { schema: { args: pair } });
    const { take } = await bench({ tasks: [double] });
    await double.enqueue("21");
    expect((await take("io"))[0]?.message.body).toBe('[["21"]]');
    await expect(double.enqueue("x")).rejects.toMatchObject({
      code: "VALIDATION",
      message: expect.stringContaining("args[0]: not a number"),
    });
    await expect(double.enqueueMany([["1"], ["x"]])).rejects.toMatchObject({ code: "VALIDATION" });
    expect(() => double.message("x")).toThrow(/not a number/);
  });

  it("builds a message without sending it", async () => {
    const sum = task("math.add", add, { queue: "cpu" });
    const later = task("math.later", (n: number) => n, {
      schema: { args: schema<[string], [number]>(([n]) => [Number(n)], true) },
    });
    const { app, published } = await bench({ tasks: [sum, later] });
    const message = sum.with({ delay: 1_000 }).message(1, 2);
    expect(message).toMatchObject({ queue: "cpu", body: "[[1,2]]", headers: { task: "math.add" } });
    expect(isUuid(message.id)).toBe(true);
    expect((message.dueAt as number) - (message.headers.publishedAt as number)).toBe(1_000);
    expect(app.handle(message.id).id).toBe(message.id);
    expect(() => later.message("1")).toThrow(/asynchronous/);
    expect(published).toEqual([]);
  });

  it("enqueues by name what no module here defines", async () => {
    const { app, take } = await bench({ tasks: [], routes: { "far.*": "cpu" } });
    await app.enqueue("far.away", [1, { a: 2 }], { priority: 1 });
    expect((await take("cpu"))[0]?.message).toMatchObject({ body: '[[1,{"a":2}]]', priority: 1 });
    await expect(app.enqueue("no name")).rejects.toMatchObject({ code: "CONFIGURATION" });
    await expect(app.enqueue("far.away", 1 as never)).rejects.toMatchObject({ code: "CONFIGURATION" });
  });

  it("enqueues through a reference", async () => {
    const ref = taskRef<typeof add>("math.add", { queue: "cpu" });
    const { take } = await bench({ tasks: [ref] });
    await ref.enqueue(1, 2);
    expect((await take("cpu"))[0]?.message.headers.task).toBe("math.add");
  });

  it("names the content type of another codec", async () => {
    const sum = task("math.add", add);
    const { take } = await bench({ tasks: [sum], codec: { ...jsonCodec, contentType: "application/x-mine" } });
    await sum.enqueue(1);
    expect((await take("io"))[0]?.message.headers.contentType).toBe("application/x-mine");
  });
});

describe("with()", () => {
  const sum = task("math.add", add);

  it.each<[string, object, string]>([
    ["an unknown option", { countdown: 5 }, 'no option "countdown"'],
    ["delay and at", { delay: 1, at: 2 }, "not both"],
    ["an invalid Date", { at: new Date("x") }, "valid Date"],
    ["a bad delay", { delay: "soon" }, "with().delay"],
    ["a bad priority", { priority: -1 }, "from 0 to 9"],
    ["a bad queue", { queue: "a b" }, "not a queue name"],
    ["an id that is no UUID", { id: "order-17" }, "UUIDv5"],
    ["functions in retry", { retry: { attempts: 2, on: () => true } }, "cannot carry"],
    ["a soft limit beyond the hard one", { limits: { soft: 2, hard: 1 } }, "longer than hard"],
    ["a header without a prefix", { headers: { order: 1 } }, "prefix"],
    ["a header of ours", { headers: { "retry.attempts": 1 } }, "prefix"],
    ["a header that is no scalar", { headers: { "shop.order": {} } }, "must be a string"],
    ["a header that is NaN", { headers: { "shop.order": Number.NaN } }, "finite"],
  ])("refuses %s at once", (_, options, words) => {
    expect(() => sum.with(options as never)).toThrow(
      expect.objectContaining({ code: "CONFIGURATION", message: expect.stringContaining(words) }),
    );
  });

  it("refuses a soft limit that the task's own hard limit would cut off", async () => {
    const slow = task("slow", add, { limits: { hard: "30s" } });
    await bench({ tasks: [slow, sum] });
    expect(() => slow.with({ limits: { soft: "1m" } }).message(1)).toThrow(/give limits\.hard as well/);
    expect(slow.with({ limits: { soft: "1m", hard: "2m" } }).message(1).headers["limit.hard"]).toBe(120_000);
    expect(sum.with({ limits: { soft: "3h" } }).message(1).headers["limit.soft"]).toBe(10_800_000);
  });

  it("refuses one id for many messages, and an expiry before the due time", async () => {
    const { published } = await bench({ tasks: [sum] });
    const id = uuidv5("x", uuidv5.URL);
    await expect(sum.with({ id }).enqueueMany([[1]])).rejects.toMatchObject({ code: "CONFIGURATION" });
    await expect(sum.with({ delay: "2h", expires: "1h" }).enqueue(1)).rejects.toThrow(/expire 3600000 ms before/);
    expect(published).toEqual([]);
  });
});

describe("a task and its apps", () => {
  it("cannot be enqueued without an app, or without a broker: the errors say what to do", async () => {
    const sum = task("math.add", add);
    await expect(sum.enqueue(1)).rejects.toThrow(/belongs to no open app; list it in createApp/);
    const app = createApp({ tasks: [sum] });
    await expect(sum.enqueue(1)).rejects.toThrow(NoBrokerError);
    expect(sum.message(1).queue).toBe("io");
    await app.close();
    await expect(sum.enqueue(1)).rejects.toThrow(/no open app/);
  });

  it("listed by two open apps is ambiguous until one is named or closed", async () => {
    const sum = task("math.add", add);
    const first = await bench({ tasks: [sum] });
    const second = await bench({ tasks: [sum] });
    await expect(sum.enqueue(1)).rejects.toThrow(/2 open apps.*app\.task\(task\)\.enqueue.*app\.close\(\)/);
    await second.app.task(sum).with({ priority: 1 }).enqueue(7);
    expect((await second.take("io"))[0]?.message.body).toBe("[[7]]");
    await second.app.close();
    await sum.enqueue(8);
    expect((await first.take("io"))[0]?.message.body).toBe("[[8]]");
  });

  it("is refused by app.task() of an app that does not list it", async () => {
    const { app } = await bench({ tasks: [] });
    expect(() => app.task(task("math.add", add))).toThrow(/not listed by this app/);
  });

  it("uses the attached connections in place of the app's own broker, until they are taken back", async () => {
    const sum = task("math.add", add);
    const { app, published } = await bench({ tasks: [sum] });
    const sent: string[] = [];
    const never = () => Promise.reject(new Error("not asked"));
    const detach = app.attach({
      publish: async (messages) => {
        sent.push(...messages.map(({ body }) => String(body)));
        return messages.map(({ id }) => ({ id, status: "accepted" as const }));
      },
      read: never,
      waitFinal: never,
      cancel: never,
    });
    await sum.enqueue(1);
    expect(sent).toEqual(["[[1]]"]);
    expect(published).toEqual([]);
    detach();
    detach();
    await sum.enqueue(2);
    expect(published.flat().map(({ body }) => body)).toEqual(["[[2]]"]);
  });

  it("sends what was enqueued before close(), and refuses what comes after", async () => {
    const sum = task("math.add", add);
    const { app, other } = await bench({ tasks: [sum] });
    const before = sum.enqueue(1);
    const bound = app.task(sum);
    await app.close();
    await expect(before).resolves.toMatchObject({ id: expect.any(String) });
    await expect(bound.enqueue(2)).rejects.toMatchObject({ code: "BROKER_CLOSED" });
    expect(await other.depth("io")).toMatchObject({ ready: 1 });
    await app.close();
  });
});
