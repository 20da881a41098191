import { setTimeout as elapse } from "node:timers/promises";
import type { Broker, Delivery } from "@lovage/core/contracts";
import { eventually } from "@lovage/core/testing";
import { type RedisServer, startRedis } from "@lovage/services";
import { expect, it } from "vitest";
import { redisBroker } from "../src/index.ts";
import { messages, take } from "./messages.ts";

const LEASE_MS = 2_000;

/** As the engine does: renews what is held, again and again. */
function keep(deliveries: readonly Delivery[]): () => void {
  const timer = setInterval(() => {
    for (const delivery of deliveries) void delivery.renew();
  }, LEASE_MS * 0.3);
  return () => clearInterval(timer);
}

async function connected(server: RedisServer): Promise<Broker> {
  const broker = redisBroker({ url: server.url, operationTimeoutMs: 1_000 });
  await broker.connect();
  return broker;
}

const OUTAGES: readonly (readonly [string, (server: RedisServer, ms: number) => Promise<void>])[] = [
  [
    "was down",
    async ({ process }, ms) => {
      await process.kill();
      await elapse(ms);
      await process.start();
    },
  ],
  [
    "stood still",
    async ({ process }, ms) => {
      const thaw = process.freeze();
      await elapse(ms);
      thaw();
    },
  ],
];

it.each(OUTAGES)(
  "after Redis %s for three leases, holders that live renew before anyone takes their work away",
  async (_, outage) => {
    await using server = await startRedis();
    await using holder = await connected(server);
    await using idle = await connected(server);
    await holder.ensureQueue({ name: "work", leaseMs: LEASE_MS });
    await holder.publish(messages("work", 20));
    const held = await (await take(holder, "work", 20)).has(20);
    const stop = keep(held);
    const others = await take(idle, "work", 20);
    await outage(server, 3 * LEASE_MS);
    // Long enough for whoever wanted to take it.
    await elapse(2 * LEASE_MS);
    stop();
    expect(others.deliveries).toHaveLength(0);
    const answers = await Promise.all(held.map((delivery) => delivery.ack()));
    expect(new Set(answers)).toEqual(new Set(["done"]));
    expect(await idle.depth("work")).toMatchObject({ ready: 0, owned: 0, dead: 0 });
  },
);

it("what nobody renews after an outage is delivered again", async () => {
  await using server = await startRedis();
  await using holder = await connected(server);
  await using idle = await connected(server);
  await holder.ensureQueue({ name: "work", leaseMs: 1_000 });
  await holder.publish(messages("work", 3));
  await (await take(holder, "work", 3)).has(3);
  const others = await take(idle, "work", 3);
  await server.process.kill();
  await elapse(1_500);
  await server.process.start();
  await eventually("all to come again", () => others.deliveries.length === 3);
  expect(others.deliveries.every(({ redelivered }) => redelivered)).toBe(true);
});
