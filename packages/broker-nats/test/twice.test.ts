/**
 * A server before 2.10.14 that has something to deliver again, and finds only pulls that nobody listens to any more, steps back by one: what it
 * gave out last it then gives to the next who asks, although somebody holds it, and what it had in hand waits for its lease.
 */

import { startNats } from "@lovage/services";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openLink } from "../src/connection/nats-connect.ts";
import { natsBroker } from "../src/index.ts";
import { settingsOf } from "../src/nats-options.ts";
import { Collected, message } from "./support.ts";

const LEASE_MS = 60_000;

let server: Awaited<ReturnType<typeof startNats>>;
beforeAll(async () => {
  server = await startNats();
});
afterAll(() => server[Symbol.asyncDispose]());

async function broker() {
  const made = natsBroker({ servers: server.url });
  await made.connect();
  return made;
}

/** Two messages, each with a worker of its own that wants no more: both are closed by the caller. */
async function twoHolders(queue: string) {
  const [one, other] = [await broker(), await broker()];
  await one.ensureQueue({ name: queue, leaseMs: LEASE_MS });
  const [first, second] = [new Collected(), new Collected()];
  await one.consume({ queue, credit: 1 }, first.receive);
  await one.publish([message(queue, "given back")]);
  expect((await first.next()).message.id).toBe("given back");
  await other.consume({ queue, credit: 1 }, second.receive);
  await one.publish([message(queue, "held")]);
  const held = await second.next();
  expect(held.message.id).toBe("held");
  return { one, other, held };
}

it("gives what a closing worker had to the next who asks, and not what another holds, after somebody called off", async () => {
  const { one, other } = await twoHolders("called-off");
  await using idle = await broker();
  const arrived = new Collected();
  const consumption = await idle.consume({ queue: "called-off", credit: 5 }, arrived.receive);
  await idle.depth("called-off");
  consumption.setCredit(0);
  await one.close();
  consumption.setCredit(5);
  const next = await arrived.next();
  expect(next.message.id).toBe("given back");
  await next.ack();
  expect(consumption.unsettled).toBe(0);
  await other.close();
});

it("gives what a closing worker had to the next who asks, and not what another holds, after an idle one died", async () => {
  const { one, other } = await twoHolders("died");
  const dead = await openLink(settingsOf({ servers: server.url }), new AbortController().signal, "test");
  const inbox = dead.inbox();
  dead.hear(inbox, () => {});
  const pull = JSON.stringify({ batch: 5, expires: 30_000_000_000, idle_heartbeat: 2_000_000_000 });
  dead.say(`${dead.apiPrefix}.CONSUMER.MSG.NEXT.lovage-q-died.b0`, pull, undefined, inbox);
  await dead.flush();
  const connections = async (): Promise<number> => {
    const answer = await fetch(`${server.monitoringUrl}/connz`);
    return ((await answer.json()) as { num_connections: number }).num_connections;
  };
  const alive = await connections();
  await dead.close();
  // Until the server has noticed, it may send to it, and a lease has to be waited for.
  await expect.poll(connections).toBeLessThan(alive);
  await one.close();
  await using idle = await broker();
  const arrived = new Collected();
  await idle.consume({ queue: "died", credit: 5 }, arrived.receive);
  const next = await arrived.next();
  expect(next.message.id).toBe("given back");
  await next.ack();
  await other.close();
});
