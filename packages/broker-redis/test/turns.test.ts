import { setTimeout as elapse } from "node:timers/promises";
import { tcpProxy } from "@lovage/conformance";
import { startRedis } from "@lovage/services";
import { afterAll, expect, it } from "vitest";
import { redisBroker } from "../src/index.ts";
import { Layout } from "../src/redis-layout.ts";
import { TURN } from "../src/scripts/turn.ts";
import { messages, take } from "./messages.ts";
import { serverClient } from "./server-client.ts";

const server = await startRedis();
const client = serverClient(server.port);
const broker = redisBroker(server.url);
await broker.connect();
afterAll(async () => {
  await broker.close();
  await client[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

type Answer = readonly [number, number, number, readonly number[], readonly string[], readonly number[]];
const layout = new Layout("lovage");

function turn(queue: string, number: number, limit: number, acks: readonly string[] = []): Promise<Answer> {
  const keys = layout.queue(queue);
  const names = TURN.keys.map((key) => keys[key]);
  const args = ["session", number, limit, 0, 0, acks.length, 0, 0, 0, 0, ...acks];
  return client.eval(TURN.source, names.length, ...names, ...args) as Promise<Answer>;
}

it("a turn asked again answers as before and does nothing twice", async () => {
  await broker.ensureQueue({ name: "again" });
  await broker.publish(messages("again", 10));
  const [, , , , first] = await turn("again", 1, 3);
  const claims = first.filter((_, index) => index % 2 === 0);
  expect(claims).toHaveLength(3);
  expect((await turn("again", 1, 3))[4]).toEqual(first);
  expect(await broker.depth("again")).toMatchObject({ ready: 7, owned: 3 });
  const stranger = `${"9".repeat(16)}1:nobody`;
  const asked: readonly string[] = [claims[0] as string, stranger, claims[1] as string];
  const second = await turn("again", 2, 2, asked);
  expect(second[3]).toEqual([1]);
  const repeated = await turn("again", 2, 2, asked);
  expect([repeated[3], repeated[4]]).toEqual([second[3], second[4]]);
  expect(await broker.depth("again")).toMatchObject({ ready: 5, owned: 3 });
});

it("an old turn, late on a broken connection, does nothing", async () => {
  await broker.ensureQueue({ name: "old" });
  await broker.publish(messages("old", 5));
  await turn("old", 8, 1);
  expect(await turn("old", 7, 4)).toBe(0);
  expect(await broker.depth("old")).toMatchObject({ ready: 4, owned: 1 });
});

it("refuses a script that was given the wrong number of arguments or keys", async () => {
  const keys = layout.queue("again");
  const names = TURN.keys.map((key) => keys[key]);
  await expect(client.eval(TURN.source, names.length, ...names, "session", 1)).rejects.toThrow(
    "wrong number of arguments",
  );
  await expect(client.eval(TURN.source, 1, keys.queue, "session", 1)).rejects.toThrow("1 keys instead of 11");
});

it("what was claimed while the answer was lost is delivered once the answers come again, not after a lease", async () => {
  await using proxy = await tcpProxy({ port: server.port });
  await using behind = redisBroker({ url: `redis://127.0.0.1:${proxy.port}`, operationTimeoutMs: 1_000 });
  await behind.connect();
  await behind.ensureQueue({ name: "lost", leaseMs: 60_000 });
  const taken = await take(behind, "lost", 5);
  const restore = proxy.dropReplies();
  await broker.publish(messages("lost", 5));
  const until = Date.now() + 10_000;
  while ((await broker.depth("lost")).owned !== 5 && Date.now() < until) await elapse(10);
  await restore();
  const deliveries = await taken.has(5);
  expect(deliveries.every(({ deliveryCount }) => deliveryCount === 1)).toBe(true);
  expect(new Set(await Promise.all(deliveries.map((delivery) => delivery.ack())))).toEqual(new Set(["done"]));
});

it("a large claim of large bodies comes in parts", async () => {
  await broker.ensureQueue({ name: "large" });
  await broker.publish(messages("large", 600, { body: "x".repeat(20_000) }));
  const [, , full, , claimed] = await turn("large", 1, 600);
  expect(full).toBe(0);
  expect(claimed.length / 2).toBeLessThan(600);
  const rest = [await turn("large", 2, 600), await turn("large", 3, 600)].map(([, , , , more]) => more.length / 2);
  expect(claimed.length / 2 + (rest[0] ?? 0) + (rest[1] ?? 0)).toBe(600);
});

it("nothing but the documented keys is left after a drain", async () => {
  await client.flushall();
  await using own = redisBroker(server.url);
  await own.connect();
  await own.ensureQueue({ name: "drained" });
  await own.publish([...messages("drained", 500), ...messages("drained", 20, { dueAt: Date.now() + 100 })]);
  const taken = await take(own, "drained", 50);
  const acked = setInterval(() => taken.deliveries.map((delivery) => delivery.ack()), 5);
  await taken.has(520);
  clearInterval(acked);
  await Promise.all(taken.deliveries.map((delivery) => delivery.ack()));
  await own.close();
  expect((await client.keys("*")).sort()).toEqual(["lovage:layout", "lovage:queues", "lovage:{drained}:queue"]);
});
