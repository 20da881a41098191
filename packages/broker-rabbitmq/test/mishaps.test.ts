import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { tcpProxy } from "@lovage/conformance";
import { type Broker, type Delivery, isLovageError, type OutgoingMessage } from "@lovage/core/contracts";
import { eventLog, eventually } from "@lovage/core/testing";
import { startRabbitMq } from "@lovage/services";
import { connect } from "amqplib";
import { afterAll, describe, expect, test } from "vitest";
import { type RabbitMqBrokerOptions, rabbitMqBroker } from "../src/index.ts";

const server = await startRabbitMq();
afterAll(() => server[Symbol.asyncDispose]());

async function connected(options: Partial<RabbitMqBrokerOptions> = {}): Promise<Broker> {
  const broker = rabbitMqBroker({ url: server.url, ...options });
  await broker.connect();
  return broker;
}

function messages(queue: string, count: number): OutgoingMessage[] {
  return Array.from({ length: count }, () => ({
    id: randomUUID(),
    queue,
    headers: { task: "t" },
    body: "[[]]",
    priority: 5,
  }));
}

/** As another program would, which knows nothing of us. */
async function stranger<T>(
  work: (channel: Awaited<ReturnType<Awaited<ReturnType<typeof connect>>["createChannel"]>>) => Promise<T>,
): Promise<T> {
  const connection = await connect(server.url);
  try {
    const channel = await connection.createChannel();
    const result = await work(channel);
    await channel.close();
    return result;
  } finally {
    await connection.close();
  }
}

test("a queue deleted under its consumer is made again, and consuming goes on; what was in flight is lost and says so", async () => {
  await using broker = await connected();
  const events = eventLog(broker);
  await broker.ensureQueue({ name: "deleted" });
  await broker.ensureQueue({ name: "neighbour" });
  const held: Delivery[] = [];
  const neighbours: Delivery[] = [];
  await broker.consume({ queue: "deleted", credit: 5 }, (batch) => held.push(...batch));
  await broker.consume({ queue: "neighbour", credit: 1 }, (batch) => neighbours.push(...batch));
  await broker.publish([...messages("deleted", 5), ...messages("neighbour", 1)]);
  await eventually("all to be held", () => held.length === 5 && neighbours.length === 1);
  await stranger((channel) => channel.deleteQueue("lovage:queue:deleted"));
  await events.next("consumption-restarted", ({ queue }) => queue === "deleted");
  for (const delivery of held) {
    expect(delivery.lost.aborted).toBe(true);
    expect(await delivery.ack()).toBe("lost");
  }
  const [after] = messages("deleted", 1) as [OutgoingMessage];
  await eventually("publishing to it", async () => (await broker.publish([after]))[0]?.status === "accepted");
  await eventually("the next delivery", () => held.some(({ message }) => message.id === after.id));
  expect(neighbours[0]?.lost.aborted).toBe(false);
  expect(await neighbours[0]?.ack()).toBe("done");
});

test("a queue deleted while nobody looks is made again by whoever asks for it", async () => {
  await using broker = await connected();
  await broker.ensureQueue({ name: "unseen" });
  await stranger((channel) => channel.deleteQueue("lovage:queue:unseen"));
  expect(await broker.depth("unseen")).toMatchObject({ ready: 0 });
  expect((await broker.publish(messages("unseen", 1)))[0]?.status).toBe("accepted");
});

test("a queue that is there with other arguments is a configuration error that names both, and touches nothing else", async () => {
  await using broker = await connected();
  await broker.ensureQueue({ name: "other" });
  await using classic = await connected({ queueType: "classic" });
  const error = await classic.ensureQueue({ name: "other" }).catch((thrown: unknown) => thrown);
  if (!isLovageError(error, "CONFIGURATION")) throw error;
  expect(error.message).toMatch(/queue "other".*inequivalent arg.*quorum/);
  expect(error.message).toMatch(/classic/);
  await classic.ensureQueue({ name: "of-its-own" });
  expect((await classic.publish(messages("of-its-own", 1)))[0]?.status).toBe("accepted");
  expect((await broker.publish(messages("other", 1)))[0]?.status).toBe("accepted");
});

test("releasing a message hundreds of times exhausts no limit of the server", async () => {
  await using broker = await connected();
  await broker.ensureQueue({ name: "released" });
  const [message] = messages("released", 1) as [OutgoingMessage];
  await broker.publish([message]);
  let times = 0;
  const last = Promise.withResolvers<Delivery>();
  await broker.consume({ queue: "released", credit: 1 }, ([delivery]) => {
    times += 1;
    if (times === 300) last.resolve(delivery as Delivery);
    else void delivery?.release();
  });
  const delivery = await last.promise;
  expect(delivery.message.id).toBe(message.id);
  expect(delivery.deliveryCount).toBe(300);
  expect(await delivery.ack()).toBe("done");
  expect(await broker.depth("released")).toMatchObject({ ready: 0, dead: 0 });
});

test("messages of another program are handed out with what they have", async () => {
  await using broker = await connected();
  await broker.ensureQueue({ name: "foreign" });
  await stranger(async (channel) => {
    channel.sendToQueue("lovage:queue:foreign", Buffer.from("[[1]]"), { type: "their.task", messageId: "theirs" });
    channel.sendToQueue("lovage:queue:foreign", Buffer.from("?"), { headers: { lovage: "not JSON" } });
  });
  const held: Delivery[] = [];
  await broker.consume({ queue: "foreign", credit: 2 }, (batch) => held.push(...batch));
  await eventually("both", () => held.length === 2);
  expect(held[0]?.message).toMatchObject({ id: "theirs", headers: { task: "their.task" } });
  expect(held[1]?.message).toMatchObject({ id: expect.stringMatching(/./), headers: { task: "" } });
  for (const delivery of held) expect(await delivery.deadLetter({ code: "undecodable" })).toBe("done");
  const letters = await broker.deadLetters("foreign");
  expect(letters.map(({ body }) => Buffer.from(body as Uint8Array).toString())).toEqual(["[[1]]", "?"]);
});

test("settings of the dead letters can change; those that are there move along", async () => {
  await using broker = await connected();
  await broker.ensureQueue({ name: "moving", maxDead: 10 });
  await broker.publish(messages("moving", 3));
  const done: Promise<unknown>[] = [];
  const buried = Promise.withResolvers<void>();
  await broker.consume({ queue: "moving", credit: 3 }, (batch) => {
    for (const delivery of batch) done.push(delivery.deadLetter({ code: "failed", details: "why" }));
    if (done.length === 3) buried.resolve();
  });
  await buried.promise;
  await Promise.all(done);
  const before = await broker.deadLetters("moving");
  expect(before).toHaveLength(3);
  await broker.ensureQueue({ name: "moving", maxDead: 2 });
  await broker.ensureQueue({ name: "moving", maxDead: 20 });
  const after = await broker.deadLetters("moving");
  // The settings between had room for two.
  expect(after).toEqual(before.slice(1));
  expect(await broker.depth("moving")).toMatchObject({ dead: 2 });
});

/** In a process of its own, for this one is about to stand still. */
function publishElsewhere(queue: string, id: string): Promise<unknown> {
  const script = `
    import { connect } from "amqplib";
    const connection = await connect(process.argv[1]);
    const channel = await connection.createConfirmChannel();
    channel.sendToQueue(process.argv[2], Buffer.from("[[]]"), { messageId: process.argv[3], type: "t" });
    await channel.waitForConfirms();
    await connection.close();`;
  const args = ["--input-type=module", "-e", script, server.url, `lovage:queue:${queue}`, id];
  return once(spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: "inherit" }), "exit");
}

test("what a worker finds in its socket after it stood still too long is with others, and it begins none of it", async () => {
  await using broker = await connected({ heartbeatS: 1 });
  await broker.ensureQueue({ name: "stood-still" });
  const handed: Delivery[] = [];
  const consumption = await broker.consume({ queue: "stood-still", credit: 2 }, (batch) => handed.push(...batch));
  await broker.publish(messages("stood-still", 1));
  await eventually("the first", () => handed.length === 1);
  const events = eventLog(broker);
  const published = publishElsewhere("stood-still", "late");
  // Longer than it takes to publish, and for the server to give up.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 8_000);
  await published;
  await events.next("connected");
  const late = (): readonly Delivery[] => handed.filter(({ message }) => message.id === "late");
  await eventually("it to come again", () => late().some(({ lost }) => !lost.aborted));
  expect(late().map(({ redelivered }) => redelivered)).toEqual([true]);
  await consumption.stop();
});

describe("the control channel", () => {
  /** What `listener` has heard, asked again and again: nothing is kept for those who are not there. */
  async function hears(emitter: Broker, heard: () => number): Promise<void> {
    const before = heard();
    await eventually("an event to be heard", () => {
      emitter.control?.emit([
        { type: "task-received", at: 0, worker: "w", id: "1", task: "t", queue: "none", attempt: 1 },
      ]);
      return heard() > before;
    });
  }

  async function answers(asker: Broker): Promise<void> {
    await eventually("a reply", async () => {
      const replies = asker.control?.broadcast({ name: "ping", to: ["w-1"] }, { timeoutMs: 200, expect: 1 }) ?? [];
      for await (const reply of replies) return reply.ok;
      return false;
    });
  }

  test("works again after its connection went silent, though the server has not noticed that", async () => {
    await using proxy = await tcpProxy({ port: server.port });
    await using far = await connected({ url: `amqp://127.0.0.1:${proxy.port}`, heartbeatS: 1 });
    await using near = await connected();
    let heard = 0;
    await far.control?.serve({ id: "w-1", host: "h", pid: 1, startedAt: 0, version: "0" }, () => "pong");
    await far.control?.listen((events) => {
      heard += events.length;
    });
    await hears(near, () => heard);
    const events = eventLog(far);
    const end = proxy.halfOpen();
    await events.next("connected", undefined, { timeoutMs: 20_000 });
    await hears(near, () => heard);
    await answers(near);
    end();
  });

  test("works again after the queues that it counts by were deleted", async () => {
    await using broker = await connected();
    let heard = 0;
    await broker.control?.serve({ id: "w-1", host: "h", pid: 1, startedAt: 0, version: "0" }, () => "pong");
    await broker.control?.listen((events) => {
      heard += events.length;
    });
    await hears(broker, () => heard);
    await stranger((channel) => channel.deleteQueue("lovage:serving"));
    await stranger((channel) => channel.deleteQueue("lovage:listening"));
    await eventually("the worker to be counted again", async () => (await broker.control?.serving?.()) === 1);
    await answers(broker);
    await hears(broker, () => heard);
  });
});

test("headers that AMQP cannot carry are refused, and their neighbours are not", async () => {
  await using broker = await connected();
  await broker.ensureQueue({ name: "headers" });
  const [small, large] = messages("headers", 2) as [OutgoingMessage, OutgoingMessage];
  const outcomes = await broker.publish([{ ...large, headers: { task: "t", "acme.x": "x".repeat(70_000) } }, small]);
  expect(outcomes).toMatchObject([{ status: "refused", error: { code: "PUBLISH_REFUSED" } }, { status: "accepted" }]);
});
