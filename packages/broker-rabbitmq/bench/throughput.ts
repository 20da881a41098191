/**
 * Publishing and draining through the adapter, each beside a bare amqplib loop that does no more than it must for the same durability, on the
 * same server, in turns, so that the machine treats both alike.
 *
 *     node packages/broker-rabbitmq/bench/throughput.ts [messages] [rounds]
 *
 * Quorum queues also with three bands of priorities, among which the messages are divided, and in which all are of the lowest.
 *
 * Prints messages per second, medians of the rounds, and the ratio. LOVAGE_TEST_RABBITMQ names a server of your own.
 */

import { randomUUID } from "node:crypto";
import type { Broker, OutgoingMessage } from "@lovage/core/contracts";
import { startRabbitMq } from "@lovage/services";
import { type ConfirmChannel, type ConsumeMessage, connect } from "amqplib";
import { rabbitMqBroker } from "../src/index.ts";

const COUNT = Number(process.argv[2] ?? 50_000);
const ROUNDS = Number(process.argv[3] ?? 5);
const IN_FLIGHT = 1_000;
const PREFETCH = 500;
const ACK_EVERY = 250;
const BATCH = 500;
const BODY = JSON.stringify([["https://example.com/page", { depth: 3, tags: ["a", "b"], note: "x".repeat(120) }]]);
const HEADERS = { task: "bench.noop", publishedAt: 1_790_000_000_000 };

const perSecond = (startedAt: number): number => (COUNT / (performance.now() - startedAt)) * 1_000;

async function barePublish(channel: ConfirmChannel, queue: string): Promise<number> {
  const startedAt = performance.now();
  await new Promise<void>((resolve, reject) => {
    let sent = 0;
    let confirmed = 0;
    const pump = (): void => {
      while (sent < COUNT && sent - confirmed < IN_FLIGHT) {
        sent += 1;
        const properties = {
          persistent: true,
          mandatory: true,
          messageId: randomUUID(),
          priority: 5,
          headers: { h: JSON.stringify(HEADERS) },
        };
        channel.sendToQueue(queue, Buffer.from(BODY), properties, (error) => {
          if (error !== null) return reject(error);
          confirmed += 1;
          if (confirmed === COUNT) resolve();
          else pump();
        });
      }
    };
    pump();
  });
  return perSecond(startedAt);
}

async function bareDrain(channel: ConfirmChannel, queue: string): Promise<number> {
  await channel.prefetch(PREFETCH);
  const startedAt = performance.now();
  const { promise, resolve } = Promise.withResolvers<void>();
  let got = 0;
  const { consumerTag } = await channel.consume(queue, (message) => {
    got += 1;
    if (got % ACK_EVERY === 0 || got === COUNT) channel.ack(message as ConsumeMessage, true);
    if (got === COUNT) resolve();
  });
  await promise;
  const rate = perSecond(startedAt);
  await channel.cancel(consumerTag);
  return rate;
}

async function ourPublish(
  broker: Broker,
  queue: string,
  batch: number,
  priorities: readonly number[],
): Promise<number> {
  const startedAt = performance.now();
  const message = (_: unknown, index: number): OutgoingMessage => {
    const priority = priorities[index % priorities.length] as number;
    return { id: randomUUID(), queue, headers: HEADERS, body: BODY, priority };
  };
  const underWay = new Set<Promise<unknown>>();
  for (let sent = 0; sent < COUNT; sent += batch) {
    const published = broker.publish(Array.from({ length: Math.min(batch, COUNT - sent) }, message));
    underWay.add(published);
    void published.finally(() => underWay.delete(published));
    if (underWay.size * batch >= 2 * IN_FLIGHT) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  return perSecond(startedAt);
}

/** Every ack is awaited: `done` means that the server has handled it. */
async function ourDrain(broker: Broker, queue: string, credit: number): Promise<number> {
  const startedAt = performance.now();
  const { promise, resolve } = Promise.withResolvers<void>();
  let done = 0;
  const count = (): void => {
    done += 1;
    if (done === COUNT) resolve();
  };
  const consumption = await broker.consume({ queue, credit }, (batch) => {
    for (const delivery of batch) void delivery.ack().then(count);
  });
  await promise;
  const rate = perSecond(startedAt);
  await consumption.stop();
  return rate;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

const url = process.env.LOVAGE_TEST_RABBITMQ;
await using server = url === undefined ? await startRabbitMq() : { url, async [Symbol.asyncDispose]() {} };

/** A way to use the package, with what it prints. */
interface Ours {
  readonly name: string;
  readonly bands: number;
  readonly priorities: readonly number[];
}

const ONE: Ours = { name: "", bands: 1, priorities: [5] };
const THREE: Ours = { name: "3 bands", bands: 3, priorities: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] };
const LOWEST: Ours = { name: "lowest", bands: 3, priorities: [0] };

for (const [queueType, ways] of [
  ["quorum", [ONE, THREE, LOWEST]],
  ["classic", [ONE]],
] as const) {
  const connection = await connect(server.url, { noDelay: true });
  const channel = await connection.createConfirmChannel({ highWaterMark: 2 * IN_FLIGHT });
  const bare = `bench-${queueType}-bare`;
  // As ours: a classic queue with priorities is a slower one.
  const priorities = queueType === "classic" ? { "x-max-priority": 10 } : {};
  await channel.assertQueue(bare, { durable: true, arguments: { "x-queue-type": queueType, ...priorities } });
  const brokers = new Map<Ours, Broker>();
  for (const way of ways) {
    const prefix = `bench-${queueType}-${way.name.replace(" ", "")}`;
    const broker = rabbitMqBroker({ url: server.url, queueType, prefix, bands: way.bands });
    await broker.connect();
    await broker.ensureQueue({ name: "ours" });
    brokers.set(way, broker);
  }
  const rates = new Map<string, number[]>();
  const note = (what: string, rate: number): void => {
    rates.set(what, [...(rates.get(what) ?? []), rate]);
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    note("publish bare", await barePublish(channel, bare));
    for (const [way, broker] of brokers) {
      note(`publish ${way.name}`, await ourPublish(broker, "ours", BATCH, way.priorities));
    }
    note("drain bare", await bareDrain(channel, bare));
    for (const [way, broker] of brokers) note(`drain ${way.name}`, await ourDrain(broker, "ours", PREFETCH));
  }
  const of = (what: string): number => Math.round(median(rates.get(what) ?? []));
  for (const what of ["publish", "drain"]) {
    const theirs = of(`${what} bare`);
    for (const { name } of ways) {
      const ours = of(`${what} ${name}`);
      const label = `${queueType.padEnd(8)}${what.padEnd(8)}${name.padEnd(8)}`;
      console.log(
        `${label}${String(ours).padStart(8)}/s   bare ${String(theirs).padStart(8)}/s   ${(ours / theirs).toFixed(2)}`,
      );
    }
  }
  for (const broker of brokers.values()) {
    await broker.destroyQueue("ours");
    await broker.close();
  }
  await channel.deleteQueue(bare);
  await connection.close();
}
