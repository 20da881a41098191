import { setTimeout as elapse } from "node:timers/promises";
import type { TaskEvent, WorkerIdentity } from "@lovage/core/contracts";
import { eventually } from "@lovage/core/testing";
import { startRedis } from "@lovage/services";
import { expect, it } from "vitest";
import { redisBroker } from "../src/index.ts";

const identity: WorkerIdentity = { id: "w1", host: "here", pid: process.pid, startedAt: Date.now(), version: "0.0.0" };
const event = (number: number): TaskEvent => ({
  type: "task-received",
  at: number,
  worker: identity.id,
  id: String(number),
  task: "test",
  queue: "none",
  attempt: 1,
});

it("a worker that has said nothing for a while knows of a listener: its first event is heard", async () => {
  await using server = await startRedis();
  await using worker = redisBroker(server.url);
  await using other = redisBroker(server.url);
  await Promise.all([worker.connect(), other.connect()]);
  await worker.control?.serve(identity, () => undefined);
  worker.control?.emit([event(0)]);
  await elapse(500);
  const heard: string[] = [];
  await other.control?.listen((events) => void heard.push(...events.map(({ id }) => id)));
  // A promise of the contract names this time.
  await elapse(1_000);
  worker.control?.emit([event(1)]);
  await eventually("the first event to be heard", () => heard.includes("1"));
  expect(heard).toEqual(["1"]);
});

it("counts who serves, and no longer who was cut", async () => {
  await using server = await startRedis();
  await using first = redisBroker(server.url);
  const second = redisBroker(server.url);
  await Promise.all([first.connect(), second.connect()]);
  await first.control?.serve(identity, () => undefined);
  await second.control?.serve({ ...identity, id: "w2" }, () => undefined);
  expect(await first.control?.serving?.()).toBe(2);
  await second.close();
  await eventually("one to be left", async () => (await first.control?.serving?.()) === 1);
});
