/** Delayed messages where no server moves them: who does, and what a crash of that one does. */

import type { Broker } from "@lovage/core/contracts";
import { eventually } from "@lovage/core/testing";
import { connect } from "@nats-io/transport-node";
import { afterAll, expect, it } from "vitest";
import { type NatsConnection, natsBroker } from "../src/index.ts";
import { startRig, withStreams } from "./harness.ts";
import { ack, message, patience } from "./support.ts";

const rig = await startRig();
afterAll(() => rig.close());

/** A queue with a limit keeps no schedules on servers of any version. */
const LIMITED = { maxBytes: 1_000_000_000 };

/** A connection whose deletions of messages never reach the server: whoever moves over it has crashed between copy and removal, every time. */
async function withoutDeletions(): Promise<{ connection: NatsConnection; swallowed: () => number }> {
  const { servers, user, password } = rig.direct;
  const connection = await connect({ servers: servers as string, user: user as string, pass: password as string });
  let count = 0;
  const publish = connection.publish.bind(connection);
  connection.publish = (subject, ...rest) => {
    if (subject.includes("STREAM.MSG.DELETE")) count += 1;
    else publish(subject, ...rest);
  };
  return { connection: connection as unknown as NatsConnection, swallowed: () => count };
}

async function until(what: string, probe: () => Promise<boolean> | boolean): Promise<void> {
  await eventually(what, probe, patience);
}

it("loses and doubles nothing when the mover crashes between copying and removing", async () => {
  const options = { ...rig.direct, ...LIMITED, namespace: "crash" };
  const crashing = await withoutDeletions();
  const first = natsBroker({ ...LIMITED, namespace: "crash", connection: crashing.connection });
  await first.connect();
  await first.ensureQueue({ name: "work", leaseMs: 30_000 });
  const dueAt = Date.now() + 300;
  const ids = Array.from({ length: 300 }, (_, index) => `m-${index}`);
  await first.publish(ids.map((id, index) => message("work", id, { dueAt: dueAt + (index % 5) * 100 })));
  const seen: string[] = [];
  // The one that crashes stands alone at first, so it is elected; it copies, and takes nothing itself.
  await first.consume({ queue: "work", credit: 0 }, () => {});
  await until("some to be copied and not removed", () => crashing.swallowed() >= 60);
  await crashing.connection.close();
  await first.close();

  await using second = natsBroker(options);
  await second.connect();
  await second.consume({ queue: "work", credit: 50 }, (batch) => {
    for (const delivery of batch) {
      seen.push(delivery.message.id);
      ack(delivery);
    }
  });
  await until("all to be delivered", () => new Set(seen).size === ids.length);
  await until("nothing to be left", async () => {
    const { ready, delayed, owned } = await second.depth("work");
    return ready === 0 && delayed === 0 && owned === 0;
  });
  expect([...seen].sort()).toEqual([...ids].sort());
});

it("elects another within seconds when the mover is gone without a word, and at once when it leaves", async () => {
  const options = { ...rig.direct, ...LIMITED, namespace: "elect" };
  const { connection } = await withoutDeletions();
  const vanishing = natsBroker({ ...LIMITED, namespace: "elect", connection });
  await using staying = natsBroker(options);
  await Promise.all([vanishing.connect(), staying.connect()]);
  await vanishing.ensureQueue({ name: "work" });
  const arrivals = new Map<string, number>();
  await vanishing.consume({ queue: "work", credit: 0 }, () => {});
  await until("it to be elected", () => holderOf("elect").then((holder) => holder !== undefined));
  await staying.consume({ queue: "work", credit: 10 }, (batch) => {
    for (const delivery of batch) {
      arrivals.set(delivery.message.id, Date.now());
      ack(delivery);
    }
  });
  const before = await holderOf("elect");
  const dueAt = Date.now() + 200;
  await staying.publish([message("work", "orphan", { dueAt })]);
  await connection.close();
  await until("the other to move it", () => arrivals.has("orphan"));
  expect((arrivals.get("orphan") ?? 0) - dueAt).toBeLessThan(8_000);
  expect(await holderOf("elect")).not.toBe(before);
  await vanishing.close();
});

async function holderOf(namespace: string): Promise<string | undefined> {
  return withStreams(rig.direct, async (streams) => {
    const stored = await streams.message(`KV_${namespace}-movers`, { last_by_subj: `$KV.${namespace}-movers.mover` });
    return stored?.data === undefined || stored.data === "" ? undefined : stored.data;
  });
}

it("moves a thousand due within two seconds, none early, each once, and none late by more than was declared", async () => {
  const options = { ...rig.direct, ...LIMITED, namespace: "many" };
  const brokers: Broker[] = [natsBroker(options), natsBroker(options)];
  await Promise.all(brokers.map((broker) => broker.connect()));
  const [first, second] = brokers as [Broker, Broker];
  await first.ensureQueue({ name: "work", leaseMs: 30_000 });
  const due = new Map<string, number>();
  const lateness: number[] = [];
  for (const broker of brokers) {
    await broker.consume({ queue: "work", credit: 50 }, (batch) => {
      for (const delivery of batch) {
        lateness.push(Date.now() - (due.get(delivery.message.id) ?? Number.NaN));
        ack(delivery);
      }
    });
  }
  const start = Date.now() + 1_000;
  const messages = Array.from({ length: 1_000 }, (_, index) => {
    const dueAt = start + index * 2;
    due.set(`d-${index}`, dueAt);
    return message("work", `d-${index}`, { dueAt });
  });
  await second.publish(messages);
  await until("all to come", () => lateness.length >= 1_000);
  await until("nothing to be left", async () => (await first.depth("work")).delayed === 0);
  expect(lateness).toHaveLength(1_000);
  expect(Math.min(...lateness)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...lateness)).toBeLessThan(first.capabilities.delayResolutionMs + 1_000);
  await Promise.all(brokers.map((broker) => broker.close()));
});
