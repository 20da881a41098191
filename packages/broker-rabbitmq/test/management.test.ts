import { randomUUID } from "node:crypto";
import { brokerKit, tcpProxy } from "@lovage/conformance";
import { describeKit } from "@lovage/conformance/vitest";
import type { Broker, BrokerEvent, Delivery, Diagnosis } from "@lovage/core/contracts";
import { type EventLog, eventLog, eventually } from "@lovage/core/testing";
import { freePort, startRabbitMq } from "@lovage/services";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { rabbitMqBroker } from "../src/index.ts";

const apiPort = await freePort();
const server = await startRabbitMq({
  plugins: ["rabbitmq_management"],
  settings: [`management.tcp.port = ${apiPort}`, "management.tcp.ip = 127.0.0.1"],
});
const proxy = await tcpProxy({ port: apiPort });
afterAll(async () => {
  await proxy.close();
  await server[Symbol.asyncDispose]();
});

/** The number of owned messages may be as old as five seconds. */
const LATE = { timeoutMs: 10_000 };

const introspection = brokerKit.scenarios.filter(({ group }) => group === "introspection");
describeKit(
  { ...brokerKit, scenarios: introspection },
  {
    name: "rabbitmq, with its management API",
    create: () => rabbitMqBroker({ url: server.url, management: `http://127.0.0.1:${apiPort}` }),
    patienceMs: 15_000,
  },
);

async function connected(management: string, url: string = server.url): Promise<[Broker, EventLog<BrokerEvent>]> {
  const broker = rabbitMqBroker({ url, management });
  onTestFinished(() => broker.close());
  const events = eventLog(broker);
  await broker.connect();
  return [broker, events];
}

async function own(broker: Broker, queue: string, count: number): Promise<readonly Delivery[]> {
  const held: Delivery[] = [];
  await broker.ensureQueue({ name: queue });
  await broker.consume({ queue, credit: count }, (batch) => void held.push(...batch));
  const message = { queue, headers: { task: "t" }, body: "[[]]", priority: 5 };
  await broker.publish(Array.from({ length: count }, () => ({ ...message, id: randomUUID() })));
  await eventually("all to be held", () => held.length === count);
  return held;
}

const warnings = ({ events }: EventLog<BrokerEvent>): readonly string[] =>
  events.flatMap((event) => (event.type === "warning" ? [event.message] : []));

async function found(broker: Broker, check: string): Promise<readonly Diagnosis[]> {
  return ((await broker.diagnose?.()) ?? []).filter((diagnosis) => diagnosis.check === check);
}

test.each([
  [
    "nobody listens there",
    async () => `http://127.0.0.1:${await freePort()}`,
    /not reachable .*ECONNREFUSED.*rabbitmq_management/,
  ],
  ["the port is AMQP's", async () => `http://127.0.0.1:${server.port}`, /not speak HTTP.*15672/],
  [
    "the password is wrong",
    async () => `http://guest:wr0ng-one@127.0.0.1:${apiPort}`,
    /refuses the user.*name and password/,
  ],
  ["something else answers", async () => `http://127.0.0.1:${apiPort}/elsewhere`, /answers 4\d\d.*is something else/],
] as const)("when %s, that is said once, nothing is made up, and tasks are not touched", async (_, where, says) => {
  const [broker, events] = await connected(await where());
  expect(broker.capabilities.depth.owned).toBe(false);
  const [delivery] = await own(broker, "untouched", 1);
  expect((await broker.depth("untouched")).owned).toBeUndefined();
  expect(await delivery?.ack()).toBe("done");
  expect(warnings(events)).toEqual([expect.stringMatching(says)]);
  const [finding] = await found(broker, "management");
  expect(finding).toMatchObject({ level: "warning", advice: expect.any(String) });
  expect(JSON.stringify([warnings(events), finding, broker.address])).not.toContain("wr0ng-one");
});

test("a user without the tag is told which one", async () => {
  await server.ctl("add_user", "plain", "plain");
  await server.ctl("set_permissions", "plain", ".*", ".*", ".*");
  const [, events] = await connected(`http://127.0.0.1:${apiPort}`, `amqp://plain:plain@127.0.0.1:${server.port}`);
  expect(warnings(events)).toEqual([expect.stringMatching(/refuses the user.*tag management/)]);
  await server.ctl("set_user_tags", "plain", "management");
  const [broker] = await connected(`http://127.0.0.1:${apiPort}`, `amqp://plain:plain@127.0.0.1:${server.port}`);
  expect(broker.capabilities.depth.owned).toBe(true);
});

test("while it does not answer the number is not known; afterwards it is again", async () => {
  const [broker, events] = await connected(`http://127.0.0.1:${proxy.port}`);
  await own(broker, "away", 2);
  await eventually("the number", async () => (await broker.depth("away")).owned === 2, LATE);
  const undo = proxy.refuse();
  expect(await broker.depth("away")).toMatchObject({ ready: 0, dead: 0, owned: undefined });
  expect(await broker.depth("away")).toMatchObject({ owned: undefined });
  expect(warnings(events)).toEqual([expect.stringContaining("not reachable")]);
  await undo();
  expect((await broker.depth("away")).owned).toBe(2);
});

test("the bands of a queue are counted together", async () => {
  await using broker = rabbitMqBroker({ url: server.url, management: `http://127.0.0.1:${apiPort}`, bands: 3 });
  await broker.connect();
  const held: Delivery[] = [];
  await broker.ensureQueue({ name: "banded" });
  await broker.consume({ queue: "banded", credit: 3 }, (batch) => void held.push(...batch));
  const message = { queue: "banded", headers: { task: "t" }, body: "[[]]" };
  await broker.publish([9, 5, 1].map((priority) => ({ ...message, id: randomUUID(), priority })));
  await eventually("all to be held", () => held.length === 3);
  await eventually("their number", async () => (await broker.depth("banded")).owned === 3, LATE);
});

test("an API that says nothing holds nobody up for longer than three seconds", async () => {
  const [broker, events] = await connected(`http://127.0.0.1:${proxy.port}`);
  await own(broker, "silent", 1);
  const undo = proxy.freeze();
  const asked = performance.now();
  const at = events.next("warning", ({ message }) => message.includes("no answer in 3000 ms"));
  expect(await broker.depth("silent")).toMatchObject({ ready: 0, owned: undefined });
  expect(performance.now() - asked).toBeLessThan(6_000);
  await at;
  await undo();
});

test("the doctor names policies that harm our queues, and says that the API answers", async () => {
  const [broker] = await connected(`http://127.0.0.1:${apiPort}`);
  await broker.ensureQueue({ name: "harmed" });
  await server.ctl("set_policy", "tidy", "queue:harmed$", '{"message-ttl":60000}');
  onTestFinished(() => server.ctl("clear_policy", "tidy").then(() => {}));
  await eventually("the finding", async () => (await found(broker, "policies")).length > 0, LATE);
  expect(await found(broker, "policies")).toEqual([
    expect.objectContaining({
      level: "warning",
      finding: "message-ttl = 60000 holds for lovage:queue:harmed: it drops messages that wait",
    }),
  ]);
  expect(await found(broker, "management")).toMatchObject([{ level: "ok", finding: expect.stringContaining("5 s") }]);
});
