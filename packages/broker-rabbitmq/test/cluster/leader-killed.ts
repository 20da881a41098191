import { randomUUID } from "node:crypto";
import type { Broker, OutgoingMessage } from "@lovage/core/contracts";
import { eventually } from "@lovage/core/testing";
import { type RabbitMqServer, startRabbitMqCluster } from "@lovage/services";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rabbitMqBroker } from "../../src/index.ts";

let nodes: readonly RabbitMqServer[];
let stop: () => PromiseLike<void>;

beforeAll(async () => {
  const cluster = await startRabbitMqCluster();
  nodes = cluster.nodes;
  stop = () => cluster[Symbol.asyncDispose]();
});
afterAll(() => stop?.());

function messages(queue: string, count: number, dueAt?: number): OutgoingMessage[] {
  const due = dueAt === undefined ? {} : { dueAt };
  return Array.from({ length: count }, () => ({
    id: randomUUID(),
    queue,
    headers: { task: "t" },
    body: "[[]]",
    priority: 5,
    ...due,
  }));
}

/** A connection that begins at the given node, and may go to the others. */
async function connected(first: number): Promise<Broker> {
  const urls = [...nodes.slice(first), ...nodes.slice(0, first)].map(({ url }) => url);
  const broker = rabbitMqBroker({ url: urls, heartbeatS: 2, operationTimeoutMs: 5_000 });
  await broker.connect();
  return broker;
}

/** Which node leads a queue now. */
async function leaderOf(queue: string): Promise<number> {
  const asked = nodes.find(({ process }) => process.running) as RabbitMqServer;
  const printed = await asked.evaluate(
    `{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"lovage:queue:${queue}">>)), {_, N} = amqqueue:get_pid(Q), N.`,
  );
  return nodes.findIndex(({ node }) => printed.includes(node));
}

describe("a cluster of three", () => {
  test("replicates queues, ladder, dead letters and journal to all nodes", async () => {
    await using broker = await connected(0);
    await broker.ensureQueue({ name: "replicated" });
    const few = await nodes[0]?.evaluate(
      'lists:flatten([io_lib:format("~s ", [element(4, amqqueue:get_name(Q))]) || Q <- rabbit_amqqueue:list(), amqqueue:get_type(Q) =:= rabbit_classic_queue orelse length(proplists:get_value(members, rabbit_amqqueue:info(Q, [members]), [])) < 3]).',
    );
    // Those of the control channel are a connection's own.
    expect(
      (few ?? "")
        .replaceAll(/["[\]]/g, "")
        .split(" ")
        .filter((name) => !/^(lovage:(commands|events):.*)?$/.test(name)),
    ).toEqual([]);
  });

  test("loses nothing that was accepted when the leader is killed under load, and everybody goes on", async () => {
    const queue = "under-load";
    await using producer = await connected(1);
    await producer.ensureQueue({ name: queue });
    const leader = await leaderOf(queue);
    const seen = new Map<string, number>();
    const consumers = await Promise.all([connected(2), connected(leader)]);
    for (const consumer of consumers) {
      await consumer.consume({ queue, credit: 50 }, (batch) => {
        for (const delivery of batch) {
          seen.set(delivery.message.id, (seen.get(delivery.message.id) ?? 0) + 1);
          void delivery.ack();
        }
      });
    }
    const accepted: string[] = [];
    let unknown = 0;
    let longestGapMs = 0;
    let lastAt = performance.now();
    const until = performance.now() + 12_000;
    let killed: Promise<unknown> | undefined;
    for (let round = 0; performance.now() < until; round += 1) {
      if (round === 20) killed = nodes[leader]?.process.kill();
      for (const outcome of await producer.publish(messages(queue, 50))) {
        if (outcome.status === "accepted") accepted.push(outcome.id);
        else unknown += 1;
      }
      longestGapMs = Math.max(longestGapMs, performance.now() - lastAt);
      lastAt = performance.now();
    }
    await killed;
    await eventually("all that was accepted to be delivered", () => accepted.every((id) => seen.has(id)), {
      timeoutMs: 30_000,
    });
    const twice = [...seen.values()].filter((count) => count > 1).length;
    console.log(
      `accepted ${accepted.length}, unknown ${unknown}, delivered twice ${twice}, longest gap ${Math.round(longestGapMs)} ms`,
    );
    expect(accepted.length).toBeGreaterThan(1_000);
    expect(twice, "only what was in flight at the kill").toBeLessThan(accepted.length / 100 + 200);
    await Promise.all(consumers.map((consumer) => consumer.close()));
    await nodes[leader]?.process.start();
  });

  test("keeps delayed messages, dead letters, pauses and revocations through the loss of any one node", async () => {
    const queue = "kept";
    const before = await connected(0);
    await before.ensureQueue({ name: queue });
    const [revoked, ...ready] = messages(queue, 5) as [OutgoingMessage, ...OutgoingMessage[]];
    await before.publish([revoked, ...ready]);
    await before.publish(messages(queue, 3, Date.now() + 20_000));
    await before.revoke([revoked.id]);
    await before.pause(queue);
    await before.close();
    for (const [index, node] of nodes.entries()) {
      await node.process.kill();
      await using broker = await connected((index + 1) % 3);
      expect(await broker.depth(queue)).toMatchObject({ paused: true });
      // A leader that is new counts when it next looks, some seconds later.
      await eventually("all to be counted", async () => (await broker.depth(queue)).ready === 5, { timeoutMs: 20_000 });
      await node.process.start();
      await eventually("the node to be back", async () => (await node.evaluate("length(nodes()).")) === "2", {
        timeoutMs: 60_000,
      });
    }
    await using after = await connected(1);
    await after.resume(queue);
    const seen: string[] = [];
    await after.consume({ queue, credit: 10 }, (batch) => {
      for (const delivery of batch) {
        seen.push(delivery.message.id);
        void delivery.ack();
      }
    });
    await eventually("ready and delayed ones", () => new Set(seen).size >= 7, { timeoutMs: 60_000 });
    expect(seen).not.toContain(revoked.id);
    expect(new Set(seen).size).toBe(7);
  });

  test("without a majority a publish ends as unknown or refused, and is accepted when it is back", async () => {
    const queue = "majority";
    await using broker = await connected(0);
    await broker.ensureQueue({ name: queue });
    for (const node of nodes.slice(1)) await node.process.kill();
    const [message] = messages(queue, 1) as [OutgoingMessage];
    const [outcome] = await broker.publish([message]);
    expect(["unknown", "refused"]).toContain(outcome?.status);
    await Promise.all([nodes[1]?.process.start(), nodes[2]?.process.start()]);
    await eventually(
      "the publish to be accepted",
      async () => (await broker.publish([message]))[0]?.status === "accepted",
      {
        timeoutMs: 60_000,
      },
    );
  });
});
