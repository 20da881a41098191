/** What was given out long before it is read: the lease began when the server sent it. */

import { tcpProxy } from "@lovage/conformance";
import { startNats } from "@lovage/services";
import { expect, it } from "vitest";
import { natsBroker } from "../src/index.ts";
import { Collected, message, patience } from "./support.ts";

const LEASE_MS = 1_000;

it("does not begin what was stuck in a frozen link, for somebody else has it", { timeout: 30_000 }, async () => {
  await using server = await startNats();
  await using proxy = await tcpProxy({ port: server.port });
  await using near = natsBroker({ servers: server.url });
  await using far = natsBroker({ servers: `nats://127.0.0.1:${proxy.port}` });
  await Promise.all([near.connect(), far.connect()]);
  await near.ensureQueue({ name: "late", leaseMs: LEASE_MS });
  const [late, heir] = [new Collected(), new Collected()];
  await far.consume({ queue: "late", credit: 1 }, late.receive);
  // Asked for, and known by the server.
  await far.depth("late");

  const thaw = proxy.freeze();
  await near.publish([message("late", "m")]);
  await expect.poll(async () => (await near.depth("late")).owned, { timeout: patience.timeoutMs }).toBe(1);
  await near.consume({ queue: "late", credit: 1 }, heir.receive);
  const again = await heir.next();
  expect(again.deliveryCount).toBe(2);
  (await thaw)();
  await near.publish([message("late", "next")]);
  const next = await late.next();
  expect(next.message.id).toBe("next");
  expect(await next.markStarted()).toBe("done");
  expect(await next.ack()).toBe("done");
  expect(await again.ack()).toBe("done");
});

it("does not give back what was stuck in a frozen link, for somebody else has it", { timeout: 30_000 }, async () => {
  await using server = await startNats();
  await using proxy = await tcpProxy({ port: server.port });
  await using near = natsBroker({ servers: server.url });
  await using far = natsBroker({ servers: `nats://127.0.0.1:${proxy.port}` });
  await Promise.all([near.connect(), far.connect()]);
  await near.ensureQueue({ name: "back", leaseMs: LEASE_MS });
  const heir = new Collected();
  const unwilling = await far.consume({ queue: "back", credit: 1 }, () => {});
  await far.depth("back");

  const thaw = proxy.freeze();
  await near.publish([message("back", "m")]);
  await expect.poll(async () => (await near.depth("back")).owned, { timeout: patience.timeoutMs }).toBe(1);
  unwilling.setCredit(0);
  await near.consume({ queue: "back", credit: 5 }, heir.receive);
  const again = await heir.next();
  await again.renew();
  (await thaw)();
  // All that was on its way has been read, and what came of it has been heard.
  await far.depth("back");
  await far.depth("back");
  await near.publish([message("back", "next")]);
  expect((await heir.next()).message.id).toBe("next");
  expect(await again.ack()).toBe("done");
});

it("counts a lease from when it was given out, as well as that is known", async () => {
  await using server = await startNats();
  await using broker = natsBroker({ servers: server.url });
  await broker.connect();
  await broker.ensureQueue({ name: "idle", leaseMs: 10_000 });
  const arrived = new Collected();
  await broker.consume({ queue: "idle", credit: 1 }, arrived.receive);
  const earlier = Date.now();
  await broker.publish([message("idle")]);
  const { leaseExpiresAt } = await arrived.next();
  expect(leaseExpiresAt).toBeGreaterThan(earlier + 10_000 - 1_500);
  expect(leaseExpiresAt).toBeLessThanOrEqual(Date.now() + 10_000);
});
