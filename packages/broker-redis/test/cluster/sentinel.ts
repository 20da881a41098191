import { type BrokerHarness, brokerKit } from "@lovage/conformance";
import { describeControlChannel, describeKit, describeResultStore } from "@lovage/conformance/vitest";
import { eventually } from "@lovage/core/testing";
import { startRedisSentinel } from "@lovage/services";
import { afterAll, expect, it } from "vitest";
import { redisBroker, redisResults } from "../../src/index.ts";
import { messages, take } from "../messages.ts";
import { leftovers, serverClient } from "../server-client.ts";

const sentinel = await startRedisSentinel();
const { url, servers } = sentinel;
afterAll(() => sentinel[Symbol.asyncDispose]());

const other = (port: number) => servers.find((server) => server.port !== port) ?? servers[0];
const server = (port: number) => servers.find((each) => each.port === port) ?? servers[0];

/** The replica is in step, so that the next failover has somewhere to go. */
async function inStep(): Promise<void> {
  await using client = serverClient(await sentinel.masterPort());
  await eventually(
    "the replica to be in step",
    async () => /slave0:.*state=online/.test(await client.info("replication")),
    {
      timeoutMs: 30_000,
    },
  );
}

/** The master dies, the replica takes its place, and the dead one comes back as its replica. */
async function failOver(): Promise<void> {
  const before = await sentinel.masterPort();
  await server(before).process.kill();
  await eventually("another master", async () => (await sentinel.masterPort()) === other(before).port, {
    timeoutMs: 30_000,
  });
  await server(before).process.start();
  await inStep();
}

/** A failover may lose what only the dead master had; this asks that the replica has it, too. */
const options = { url, durability: "replicated" } as const;

const harness: BrokerHarness = {
  name: "redis sentinel",
  create: ({ clockOffsetMs = 0, operationTimeoutMs = 10_000 } = {}) =>
    redisBroker({ ...options, operationTimeoutMs, now: () => Date.now() + clockOffsetMs }),
  skewable: true,
  spawnable: { module: new URL("../make-broker.ts", import.meta.url), args: [url] },
  faults: { restart: failOver },
  leftovers: async () => leftovers(await sentinel.masterPort()),
};

/** Twenty failovers in a row are more than Sentinels carry out in any bounded time; the test below has three. */
const scenarios = brokerKit.scenarios.filter(({ group, id }) => !(group === "restart" && id === "consuming-resumes"));
describeKit({ ...brokerKit, scenarios }, harness);
describeControlChannel(harness);
describeResultStore({ name: "redis sentinel", create: () => redisResults(url) });

it("consumers and producers go on by themselves over three failovers, and nothing that was accepted is lost", {
  timeout: 180_000,
}, async () => {
  await inStep();
  await using producer = redisBroker({ ...options, operationTimeoutMs: 4_000 });
  await using worker = redisBroker({ ...options, operationTimeoutMs: 4_000 });
  await Promise.all([producer.connect(), worker.connect()]);
  await producer.ensureQueue({ name: "over", leaseMs: 3_000 });
  const seen = new Set<string>();
  await worker.consume({ queue: "over", credit: 10 }, (batch) => {
    for (const delivery of batch) {
      seen.add(delivery.message.id);
      void delivery.ack();
    }
  });
  const accepted = new Set<string>();
  let over = false;
  const producing = (async () => {
    while (!over) {
      for (const { id, status } of await producer.publish(messages("over", 5)))
        if (status === "accepted") accepted.add(id);
    }
  })();
  const more = async (): Promise<void> => {
    const most = accepted.size + 20;
    await eventually("more to be accepted", () => accepted.size >= most, { timeoutMs: 30_000 });
  };
  await more();
  for (let round = 0; round < 3; round += 1) {
    await failOver();
    await more();
  }
  over = true;
  await producing;
  await eventually("all that was accepted to arrive", () => [...accepted].every((id) => seen.has(id)), {
    timeoutMs: 30_000,
  });
  await producer.destroyQueue("over");
});

it("a master that stood still and comes back with old data takes nothing with it that was accepted", {
  timeout: 120_000,
}, async () => {
  await inStep();
  await using producer = redisBroker({ ...options, operationTimeoutMs: 4_000 });
  await using worker = redisBroker({ ...options, operationTimeoutMs: 4_000 });
  await Promise.all([producer.connect(), worker.connect()]);
  await producer.ensureQueue({ name: "still", leaseMs: 3_000 });
  const taken = await take(worker, "still", 10);
  const accepted = new Set<string>();
  const seen = new Set<string>();
  const settling = setInterval(() => {
    for (const delivery of taken.deliveries.splice(0)) {
      seen.add(delivery.message.id);
      void delivery.ack();
    }
  }, 5);
  const before = await sentinel.masterPort();
  let thaw = (): void => {};
  for (let round = 0; round < 60; round += 1) {
    if (round === 20) thaw = server(before).process.freeze();
    for (const { id, status } of await producer.publish(messages("still", 5)))
      if (status === "accepted") accepted.add(id);
    if (round === 40) {
      await eventually("another master", async () => (await sentinel.masterPort()) !== before, { timeoutMs: 30_000 });
      thaw();
      await inStep();
    }
  }
  await eventually("all that was accepted to arrive", () => [...accepted].every((id) => seen.has(id)), {
    timeoutMs: 30_000,
  });
  clearInterval(settling);
  expect(accepted.size).toBeGreaterThan(150);
  await producer.destroyQueue("still");
});
