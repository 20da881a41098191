import { randomUUID } from "node:crypto";
import { createApp, task } from "@lovage/core";
import type { Delivery } from "@lovage/core/contracts";
import { createWorker } from "@lovage/core/engine";
import { eventLog, eventually } from "@lovage/core/testing";
import { startRabbitMq } from "@lovage/services";
import { expect, test } from "vitest";
import { rabbitMqBroker } from "../src/index.ts";
import { inlinePool } from "./inline-pool.ts";

/** A second, on every version; looked after once a minute otherwise. */
const ONE_SECOND = [
  "application:set_env(rabbit, consumer_timeout, 1000)",
  "application:set_env(rabbit, channel_tick_interval, 200)",
  `rabbit_policy:set(<<"/">>, <<"soon">>, <<"^lovage:queue:">>, [{<<"consumer-timeout">>, 1000}], 0, <<"queues">>, <<"tests">>).`,
].join(", ");

test("when the server's ack timeout strikes, it is said what to change, the message comes again, and other queues go on", async () => {
  await using server = await startRabbitMq();
  await server.evaluate(ONE_SECOND);
  await using broker = rabbitMqBroker(server.url);
  await broker.connect();
  const events = eventLog(broker);
  const held: Record<string, Delivery[]> = { slow: [], quick: [] };
  for (const queue of ["slow", "quick"]) {
    await broker.ensureQueue({ name: queue });
    await broker.consume({ queue, credit: 1 }, (batch) => held[queue]?.push(...batch));
  }
  const publish = (queue: string): Promise<unknown> =>
    broker.publish([{ id: randomUUID(), queue, headers: { task: "t" }, body: "[[]]", priority: 5 }]);
  await publish("slow");
  await eventually("it to be held", () => held.slow?.length === 1);
  const first = held.slow?.[0] as Delivery;
  const said = await Promise.race([
    events.next("warning", ({ code }) => code === "ack-timeout", { timeoutMs: 20_000 }).then(({ message }) => message),
    // From RabbitMQ 4.3 on the consumer ends, without a reason.
    events
      .next("consumption-restarted", ({ reason }) => /unsettled/.test(reason), { timeoutMs: 20_000 })
      .then(({ reason }) => reason),
  ]);
  expect(said).toMatch(/queue "slow".*ackTimeoutMs|unsettled for longer than ackTimeoutMs/s);
  expect(first.lost.aborted).toBe(true);
  expect(await first.ack()).toBe("lost");
  await server.evaluate("application:set_env(rabbit, consumer_timeout, 1800000).");
  await eventually("it to come again", () => held.slow?.length === 2);
  const second = held.slow?.[1] as Delivery;
  expect(second.message.id).toBe(first.message.id);
  expect(await second.ack()).toBe("done");
  await publish("quick");
  await eventually("the other queue", () => held.quick?.length === 1);
  expect(await held.quick?.[0]?.ack()).toBe("done");
  expect(events.events.filter(({ type }) => type === "disconnected")).toEqual([]);
});

test("a worker adopts what was taken back from it while it runs: the task runs once, and the message is gone", async () => {
  await using server = await startRabbitMq();
  await server.evaluate(ONE_SECOND);
  const broker = rabbitMqBroker(server.url);
  const finish = Promise.withResolvers<void>();
  let runs = 0;
  const long = task("long", async () => {
    runs += 1;
    await finish.promise;
  });
  const definition = createApp({ tasks: [long] });
  const pool = inlinePool(1);
  const worker = createWorker({
    app: { exportName: "default", definition },
    broker,
    pools: { io: { pool } },
    queues: [{ name: "io", pool: "io" }],
  });
  await using _ = worker;
  const events = eventLog(worker);
  await worker.start();
  await broker.publish([{ id: randomUUID(), queue: "io", headers: { task: "long" }, body: "[[]]", priority: 5 }]);
  await events.next("task-adopted", undefined, { timeoutMs: 20_000 });
  await server.evaluate("application:set_env(rabbit, consumer_timeout, 1800000).");
  finish.resolve();
  await events.next("task-succeeded", undefined, { timeoutMs: 20_000 });
  await worker.drained();
  expect(runs).toBe(1);
  expect(await broker.depth("io")).toMatchObject({ ready: 0, dead: 0 });
});
