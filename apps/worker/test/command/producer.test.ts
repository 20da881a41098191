import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createApp, taskRef } from "@lovage/core";
import { afterEach, beforeEach, expect, it } from "vitest";
import { connect } from "../../src/index.ts";
import type { add } from "../apps/basic.ts";
import { APP, Workplace } from "../support/lovage.ts";

let place: Workplace;

beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.close());

it("a program that connects by URL enqueues, and reads the result of a worker elsewhere", async () => {
  const app = createApp({
    tasks: [taskRef<typeof add>("math.add")],
    ...(await connect("sqlite:./lovage.db", { directory: place.folder })),
  });
  const run = await app.enqueue("math.add", [40, 2]);
  expect(await place.run(["worker", APP, "--drain", "-P", "event"])).toMatchObject({ code: 0 });
  expect(await run.result({ timeout: "10s" })).toBe(42);
  await app.close();
});

it("connecting without results leaves them off", async () => {
  const { broker, results } = await connect("memory:", { results: "none" });
  expect(results).toBeUndefined();
  await broker.close();
});

it("connecting to a broker that stays out of reach rejects when the time is up", async () => {
  const home = path.join(place.folder, "node_modules/lovage-broker-away");
  mkdirSync(home, { recursive: true });
  writeFileSync(
    path.join(home, "package.json"),
    '{"name":"lovage-broker-away","type":"module","exports":"./index.js"}',
  );
  writeFileSync(
    path.join(home, "index.js"),
    `export const openBroker = () => ({
       name: "away", address: "away:", onEvent: () => () => {}, close: async () => {},
       connect: ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
     });`,
  );
  await expect(connect("away:", { from: place.folder, timeoutMs: 100 })).rejects.toMatchObject({
    code: "BROKER_UNAVAILABLE",
    message: "away at away: did not answer within 100 ms",
  });
});
