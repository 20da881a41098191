/**
 * Publishing and draining through the adapter beside the client's own loop with the same kind of acknowledgement, on one server, turn by turn:
 * `node bench/throughput.ts [messages] [rounds]`. Messages of 200 bytes, file store, one copy; medians of the rounds and their ratio.
 */

import { randomUUID } from "node:crypto";
import type { Delivery, OutgoingMessage } from "@lovage/core/contracts";
import { startNats } from "@lovage/services";
import { AckPolicy, jetstream, jetstreamManager, RetentionPolicy } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { natsBroker } from "../src/index.ts";

const COUNT = Number(process.argv[2] ?? 20_000);
const ROUNDS = Number(process.argv[3] ?? 5);
const BODY = JSON.stringify([["x".repeat(194)]]);
const WINDOWS = [1, 100, 1_000] as const;
const CREDITS = [10, 100, 500] as const;

await using server = await startNats();
// Without a stack trace for each request, which costs its loop more than anything else.
const connection = await connect({ servers: server.url, noAsyncTraces: true });
const client = jetstream(connection);
const manager = await jetstreamManager(connection);
const broker = natsBroker({ servers: server.url, namespace: "bench" });
await broker.connect();

const rates = new Map<string, number[]>();

async function measure(what: string, count: number, run: () => Promise<void>): Promise<void> {
  const startedAt = performance.now();
  await run();
  const rate = (count * 1_000) / (performance.now() - startedAt);
  rates.set(what, [...(rates.get(what) ?? []), rate]);
}

/** `each` for every index, `window` at a time. */
async function windowed(count: number, window: number, each: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await each(next++);
  };
  await Promise.all(Array.from({ length: window }, lane));
}

const noop = (): OutgoingMessage => ({
  id: randomUUID(),
  queue: "bench",
  headers: { task: "bench.noop", publishedAt: Date.now() },
  body: BODY,
  priority: 5,
});

async function bareStream(): Promise<void> {
  await manager.streams.delete("BARE").catch(() => {});
  await manager.streams.add({ name: "BARE", subjects: ["bare"], retention: RetentionPolicy.Workqueue });
  await manager.consumers.add("BARE", { durable_name: "c", ack_policy: AckPolicy.Explicit, max_ack_pending: -1 });
}

async function queue(): Promise<void> {
  if ((await broker.queues()).includes("bench")) await broker.destroyQueue("bench");
  await broker.ensureQueue({ name: "bench", leaseMs: 60_000 });
}

async function publishing(window: number): Promise<void> {
  const count = window === 1 ? COUNT / 10 : COUNT;
  await bareStream();
  await measure(`publish, ${window} in flight, bare`, count, () =>
    windowed(count, window, () => client.publish("bare", BODY, { msgID: randomUUID() })),
  );
  await queue();
  await measure(`publish, ${window} in flight, ours`, count, () =>
    windowed(count, window, () => broker.publish([noop()])),
  );
}

async function bulk(): Promise<void> {
  await bareStream();
  const chunks = (size: number, each: (size: number) => Promise<unknown>): Promise<void> =>
    windowed(COUNT / size, 1, () => each(size));
  await measure("publish, in bulk of 1000, bare", COUNT, () =>
    chunks(1_000, (size) =>
      Promise.all(Array.from({ length: size }, () => client.publish("bare", BODY, { msgID: randomUUID() }))),
    ),
  );
  await queue();
  await measure("publish, in bulk of 1000, ours", COUNT, () =>
    chunks(1_000, (size) => broker.publish(Array.from({ length: size }, noop))),
  );
}

async function fillBare(): Promise<void> {
  await bareStream();
  await windowed(COUNT, 500, () => client.publish("bare", BODY));
}

async function fillOurs(): Promise<void> {
  await queue();
  for (let left = COUNT; left > 0; left -= 1_000) await broker.publish(Array.from({ length: 1_000 }, noop));
}

/** As many held and being acknowledged at a time as the credit, each ack confirmed. */
async function draining(credit: number): Promise<void> {
  await fillBare();
  const consumer = await client.consumers.get("BARE", "c");
  await measure(`drain with confirmed acks, ${credit} held, bare`, COUNT, async () => {
    const messages = await consumer.consume({ max_messages: credit });
    const underWay = new Set<Promise<unknown>>();
    let taken = 0;
    for await (const message of messages) {
      const acked = message.ackAck().finally(() => underWay.delete(acked));
      underWay.add(acked);
      if (underWay.size >= credit) await Promise.race(underWay);
      if (++taken === COUNT) break;
    }
    await Promise.all(underWay);
    await messages.close();
  });
  await fillOurs();
  await measure(`drain with confirmed acks, ${credit} held, ours`, COUNT, async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let acked = 0;
    const done = (): void => {
      if (++acked === COUNT) resolve();
    };
    const consumption = await broker.consume({ queue: "bench", credit }, (batch: readonly Delivery[]) => {
      for (const delivery of batch) void delivery.ack().then(done);
    });
    await promise;
    await consumption.stop();
  });
}

for (let round = 0; round < ROUNDS; round += 1) {
  for (const window of WINDOWS) await publishing(window);
  await bulk();
  for (const credit of CREDITS) await draining(credit);
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
for (const what of [...rates.keys()].filter((each) => each.endsWith("bare"))) {
  const name = what.replace(/, bare$/, "");
  const [bare, ours] = [median(rates.get(what) ?? []), median(rates.get(`${name}, ours`) ?? [])];
  const shown = [bare, ours].map((rate) => Math.round(rate).toLocaleString("en-GB"));
  console.log(`${name}: bare ${shown[0]}/s, ours ${shown[1]}/s, ratio ${(ours / bare).toFixed(2)}`);
}
await broker.close();
await connection.close();
