import { memoryBroker } from "@lovage/core/memory";
import { expect, it } from "vitest";
import { DepthSampler } from "../../src/http/depth-sampler.ts";

it("asks the broker at most every 5 s, and keeps the last numbers while it does not answer", async () => {
  await using broker = memoryBroker();
  await broker.connect();
  await broker.ensureQueue({ name: "io" });
  let now = 1_000_000;
  const sampler = new DepthSampler(broker, ["io"], () => now);
  const ready = async () => (await sampler.read()).get("io")?.depth.ready;

  expect(await ready()).toBe(0);
  await broker.publish([
    { id: "0198c5a2-7f3e-7cc1-9d3a-5f0c2b7e8a11", queue: "io", headers: { task: "a" }, body: "[[]]", priority: 5 },
  ]);
  now += 4_999;
  expect(await ready()).toBe(0);
  now += 1;
  expect(await ready()).toBe(1);
  const { sampledAt } = sampler;

  await broker.close();
  now += 60_000;
  expect(await ready()).toBe(1);
  expect(sampler.sampledAt).toBe(sampledAt);
});
