import { randomUUID } from "node:crypto";
import { tcpProxy } from "@lovage/conformance";
import { type App, createApp, task } from "@lovage/core";
import type { Message, ResultRecord, ResultStore } from "@lovage/core/contracts";
import { createWorker, type Worker } from "@lovage/core/engine";
import { eventually } from "@lovage/core/testing";
import { startRabbitMq } from "@lovage/services";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { type RabbitMqRepliesOptions, rabbitMqBroker, rabbitMqReplies } from "../src/index.ts";
import { inlinePool } from "./inline-pool.ts";

const server = await startRabbitMq();
const proxy = await tcpProxy({ port: server.port });
const behindProxy = `amqp://127.0.0.1:${proxy.port}`;
afterAll(async () => {
  await proxy.close();
  await server[Symbol.asyncDispose]();
});

async function connected(options: Partial<RabbitMqRepliesOptions> = {}): Promise<Required<ResultStore>> {
  const store = rabbitMqReplies({ url: server.url, ...options });
  onTestFinished(() => store.close());
  await store.connect();
  return store as Required<ResultStore>;
}

const record = (id: string, replyTo: string, more: Partial<ResultRecord> = {}): ResultRecord => ({
  id,
  task: "t",
  state: "succeeded",
  final: true,
  attempt: 1,
  replyTo,
  ...more,
});

async function ended(store: ResultStore, id: string): Promise<ResultRecord | undefined> {
  for await (const each of store.wait(id, { signal: AbortSignal.timeout(15_000) })) if (each.final) return each;
  return undefined;
}

async function replyQueues(): Promise<readonly string[]> {
  const names = await server.evaluate(
    `lists:flatten([io_lib:format("~s ", [element(4, element(2, Q))]) || Q <- rabbit_amqqueue:list()]).`,
  );
  return names.match(/lovage:replies:[0-9a-f-]+/g) ?? [];
}

test("a caller whose connection broke finds what came meanwhile, and was waiting all the time", async () => {
  const caller = await connected({ url: behindProxy });
  const worker = await connected();
  const [id, later] = [randomUUID(), randomUUID()];
  const replyTo = await caller.expect([id, later]);
  const waiting = ended(caller, id);
  const undo = proxy.refuse();
  await worker.write([record(id, replyTo)]);
  expect(await caller.expect([later]), "the address stays good").toBe(replyTo);
  await undo();
  expect(await waiting).toMatchObject({ state: "succeeded" });
  await worker.write([record(later, replyTo)]);
  expect(await ended(caller, later)).toMatchObject({ state: "succeeded" });
});

test("results outlive a server that is killed", async () => {
  const caller = await connected({ url: behindProxy });
  const worker = await connected();
  const [before, after] = [randomUUID(), randomUUID()];
  const replyTo = await caller.expect([before, after]);
  const undo = proxy.freeze();
  await worker.write([record(before, replyTo)]);
  await server.process.restart();
  await undo();
  expect(await ended(caller, before)).toMatchObject({ state: "succeeded" });
  await eventually("writing to work again", () =>
    worker.write([record(after, replyTo)]).then(
      () => true,
      () => false,
    ),
  );
  expect(await ended(caller, after)).toMatchObject({ state: "succeeded" });
});

test("a caller that was away for longer than its queue is told that results may be lost, and goes on", async () => {
  const caller = await connected({ url: behindProxy, graceMs: 1_000 });
  const worker = await connected();
  const [id, arrived] = [randomUUID(), randomUUID()];
  const replyTo = await caller.expect([id, arrived]);
  await worker.write([record(arrived, replyTo)]);
  await ended(caller, arrived);
  const waiting = ended(caller, id);
  waiting.catch(() => {});
  const undo = proxy.refuse();
  await eventually("the queue to expire", async () => !(await replyQueues()).includes(replyTo), { timeoutMs: 15_000 });
  await worker.write([record(id, replyTo)]);
  await undo();
  await expect(waiting).rejects.toMatchObject({ code: "RESULT_LOST", message: expect.stringContaining("graceMs") });
  await expect(caller.read([id])).rejects.toMatchObject({ code: "RESULT_LOST" });
  expect(await caller.read([arrived])).toMatchObject([{ state: "succeeded" }]);
  const next = randomUUID();
  await worker.write([record(next, await caller.expect([next]))]);
  expect(await ended(caller, next)).toMatchObject({ state: "succeeded" });
});

test("a reply queue that somebody deletes is made again, and those who wait are told", async () => {
  const caller = await connected();
  const worker = await connected();
  const [id, next] = [randomUUID(), randomUUID()];
  const replyTo = await caller.expect([id]);
  const waiting = ended(caller, id);
  waiting.catch(() => {});
  await server.ctl("delete_queue", replyTo);
  await expect(waiting).rejects.toMatchObject({ code: "RESULT_LOST" });
  const address = await caller.expect([next]);
  await eventually("its queue to be there", async () => (await replyQueues()).includes(address));
  await worker.write([record(next, address)]);
  expect(await ended(caller, next)).toMatchObject({ state: "succeeded" });
});

test("a caller that closes takes its queue along", async () => {
  const caller = await connected();
  const replyTo = await caller.expect([randomUUID()]);
  expect(await replyQueues()).toContain(replyTo);
  await caller.close();
  expect(await replyQueues()).not.toContain(replyTo);
});

test("no more results are kept than maxKept; whoever asks for a dropped one is told", async () => {
  const caller = await connected({ maxKept: 2 });
  const worker = await connected();
  const ids = Array.from({ length: 3 }, () => randomUUID());
  const replyTo = await caller.expect(ids);
  await worker.write(ids.map((id) => record(id, replyTo)));
  await ended(caller, ids[2] as string);
  await expect(caller.read([ids[0] as string])).rejects.toMatchObject({
    code: "RESULT_LOST",
    message: expect.stringContaining("more than 2 results"),
  });
});

test("a result that is too large for the server arrives as an error that says so, and holds nobody up", async () => {
  const caller = await connected();
  const worker = await connected({ maxMessageBytes: 1_000 });
  const id = randomUUID();
  await worker.write([record(id, await caller.expect([id]), { value: "x".repeat(1_001) })]);
  expect(await ended(caller, id)).toMatchObject({
    state: "failed",
    error: { code: "BODY_TOO_LARGE", message: expect.stringContaining("the task succeeded, but its result is 1001") },
  });
});

const double = task("double", (n: number) => 2 * n);
const silent = task("silent", (n: number) => n, { result: false });
const failing = task("failing", () => {
  throw new RangeError("no");
});
const nested = task("nested", async (n: number) => (await double.enqueue(n)).result({ timeout: "10s" }));

async function serving(queue: string): Promise<{ app: App; worker: Worker; messages: Message[] }> {
  const tasks = [double, silent, failing, nested];
  const defaults = { queue };
  const messages: Message[] = [];
  const broker = rabbitMqBroker(server.url);
  const consume = broker.consume.bind(broker);
  broker.consume = (options, onDeliveries) =>
    consume(options, (batch) => {
      messages.push(...batch.map(({ message }) => message));
      onDeliveries(batch);
    });
  const worker = createWorker({
    app: { exportName: "default", definition: createApp({ tasks, defaults }) },
    broker,
    results: rabbitMqReplies(server.url),
    pools: { io: { pool: inlinePool(10) } },
    queues: [{ name: queue, pool: "io" }],
  });
  onTestFinished(() => worker.stop().then(() => {}));
  await worker.start();
  const app = createApp({ tasks, defaults, broker: rabbitMqBroker(server.url), results: rabbitMqReplies(server.url) });
  onTestFinished(() => app.close());
  return { app, worker, messages };
}

test("whoever enqueues a task gets its result or its error, and so does a task that enqueues one", async () => {
  const { app } = await serving("whole");
  expect(await (await app.task(double).enqueue(21)).result({ timeout: "10s" })).toBe(42);
  const failed = await app.task(failing).enqueue();
  await expect(failed.result({ timeout: "10s" })).rejects.toMatchObject({ code: "TASK_FAILED" });
  expect(await (await app.task(nested).enqueue(4)).result({ timeout: "10s" })).toBe(8);
});

test("another process is told that the result is elsewhere, instead of being left waiting", async () => {
  const { app } = await serving("elsewhere");
  const run = await app.task(double).enqueue(1);
  expect(await run.result({ timeout: "10s" })).toBe(2);
  await using other = createApp({
    tasks: [double],
    broker: rabbitMqBroker(server.url),
    results: rabbitMqReplies(server.url),
  });
  await expect(other.handle(run.id).result()).rejects.toMatchObject({
    code: "RESULT_ELSEWHERE",
    message: expect.stringContaining("ask there"),
  });
  await expect(other.handle(run.id).state()).rejects.toMatchObject({ code: "RESULT_ELSEWHERE" });
  // A handle made anew in the process that enqueued it is as good as the first.
  expect(await app.handle(run.id).result()).toBe(2);
});

test("tasks of which nobody wants the result carry no address, and their client has no reply queue", async () => {
  const { app, worker, messages } = await serving("unasked");
  const before = (await replyQueues()).length;
  await app.task(silent).enqueue(1);
  await app.task(double).with({ result: false }).enqueue(1);
  await eventually("both to run", () => worker.stats().totals.succeeded === 2);
  expect(messages.map(({ headers }) => headers.replyTo)).toEqual([undefined, undefined]);
  expect((await replyQueues()).length).toBe(before);
  await app.task(double).enqueue(1);
  await eventually("the third", () => messages.length === 3);
  expect(messages[2]?.headers.replyTo).toMatch(/^lovage:replies:/);
});

test("a task whose caller died ends as any other", async () => {
  const { app, worker } = await serving("orphan");
  const broker = rabbitMqBroker(server.url);
  const caller = createApp({
    tasks: [double],
    defaults: { queue: "orphan" },
    broker,
    results: rabbitMqReplies(server.url),
  });
  await caller.task(double).with({ delay: "300ms" }).enqueue(1);
  await caller.close();
  await eventually("it to have run", () => worker.stats().totals.succeeded === 1);
  await worker.drained();
  expect(await (await app.task(double).enqueue(2)).result({ timeout: "10s" })).toBe(4);
});

test("every result arrives through a server that is killed while tasks run", async () => {
  const { app, worker } = await serving("through");
  const runs = await app.task(double).enqueueMany(Array.from({ length: 2_000 }, (_, n) => [n] as const));
  const results = Promise.all(runs.map((run) => run.result({ timeout: "60s" })));
  results.catch(() => {});
  await eventually("some to have run", () => worker.stats().totals.succeeded > 100);
  await server.process.restart();
  expect(await results).toEqual(runs.map((_, n) => 2 * n));
});
