import { eventually } from "@lovage/core/testing";
import { startRedisCluster } from "@lovage/services";
import { expect, it } from "vitest";
import { redisBroker } from "../../src/index.ts";
import { messages, take } from "../messages.ts";
import { serverClient } from "../server-client.ts";

it("with one master of three down, queues of the others go on, and its own come back with it", async () => {
  await using cluster = await startRedisCluster();
  await using broker = redisBroker({ url: cluster.url, operationTimeoutMs: 2_000 });
  await broker.connect();
  const names = Array.from({ length: 9 }, (_, index) => `q${index}`);
  for (const name of names) await broker.ensureQueue({ name });
  const taken = new Map(await Promise.all(names.map(async (name) => [name, await take(broker, name, 100)] as const)));
  const [struck] = cluster.nodes;
  if (struck === undefined) throw new Error("no node");
  const keysOf = async (port: number): Promise<readonly string[]> => {
    await using client = serverClient(port);
    return await client.keys("*:queue");
  };
  const there = await keysOf(struck.port);
  const isDown = (name: string): boolean => there.some((key) => key.includes(`{${name}}`));
  expect(names.some(isDown) && !names.every(isDown)).toBe(true);
  await struck.process.kill();
  for (const name of names) {
    const [outcome] = await broker.publish(messages(name, 1));
    if (isDown(name)) expect(outcome?.status, name).toMatch(/refused|unknown/);
    else {
      expect(outcome?.status, name).toBe("accepted");
      await taken.get(name)?.has(1);
    }
  }
  await struck.process.start();
  for (const name of names.filter(isDown)) {
    const message = messages(name, 1);
    await eventually(`${name} to be back`, async () => {
      const [outcome] = await broker.publish(message);
      return outcome?.status === "accepted" || outcome?.status === "duplicate";
    });
    await eventually(`${name} to deliver`, () => taken.get(name)?.ids.includes(message[0]?.id ?? ""));
  }
}, 120_000);
