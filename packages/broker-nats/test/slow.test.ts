/** A consumer whose socket is not read while thousands of messages wait: what the server calls slow, and cuts off. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tcpProxy } from "@lovage/conformance";
import type { Broker, Delivery } from "@lovage/core/contracts";
import { eventLog } from "@lovage/core/testing";
import { startNats } from "@lovage/services";
import { afterAll, expect, it } from "vitest";
import { natsBroker } from "../src/index.ts";
import { message, patience } from "./support.ts";

const MESSAGES = 3_000;
/** Times the credit: more than sockets and proxy take of somebody who does not read, so the server is left with the rest. */
const LARGE = JSON.stringify([["x".repeat(20_000)]]);
const SMALL = "[[]]";
const SLOW_CREDIT = 1_000;
const BRISK_CREDIT = 50;

const folder = mkdtempSync(join(tmpdir(), "lovage-nats-slow-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Acks what comes, each a turn later, and remembers how many were in hand at once. */
class Acking {
  readonly ids = new Set<string>();
  mostHeld = 0;
  #held = 0;

  readonly receive = (batch: readonly Delivery[]): void => {
    this.#held += batch.length;
    this.mostHeld = Math.max(this.mostHeld, this.#held);
    setImmediate(() => {
      for (const delivery of batch) {
        this.ids.add(delivery.message.id);
        // Its credit is free when the ack has left, which is no later than its answer.
        this.#held -= 1;
        void delivery.ack();
      }
    });
  };
}

async function publish(broker: Broker, ids: readonly string[], body: string): Promise<void> {
  for (let from = 0; from < ids.length; from += 500) {
    const page = ids.slice(from, from + 500).map((id) => message("work", id, { body }));
    for (const { status } of await broker.publish(page)) expect(status).toBe("accepted");
  }
}

it("loses nothing to a consumer that does not read, keeps to its credit, lets others go on, and recovers by itself", {
  timeout: 60_000,
}, async () => {
  const config = join(folder, "slow.conf");
  writeFileSync(config, `write_deadline: "500ms"`);
  await using server = await startNats(["-c", config]);
  await using proxy = await tcpProxy({ port: server.port });
  const slowOnes = async (): Promise<number> =>
    ((await (await fetch(`${server.monitoringUrl}/varz`)).json()) as { slow_consumers: number }).slow_consumers;
  await using producer = natsBroker({ servers: server.url });
  await using brisk = natsBroker({ servers: server.url });
  await using slow = natsBroker({ servers: `nats://127.0.0.1:${proxy.port}`, heartbeatMs: 1_000 });
  await Promise.all([producer.connect(), brisk.connect(), slow.connect()]);
  await producer.ensureQueue({ name: "work", leaseMs: 2_000 });
  const events = eventLog(slow);
  const [slowly, briskly] = [new Acking(), new Acking()];

  // Its first pulls are short; once they are used up, what is with the server outlasts the test.
  await slow.consume({ queue: "work", credit: SLOW_CREDIT }, slowly.receive);
  const first = Array.from({ length: SLOW_CREDIT }, (_, index) => `first${index}`);
  await publish(producer, first, SMALL);
  await expect.poll(() => slowly.ids.size, { timeout: patience.timeoutMs }).toBe(SLOW_CREDIT);
  await expect.poll(async () => (await producer.depth("work")).owned, { timeout: patience.timeoutMs }).toBe(0);

  const thaw = proxy.freeze();
  const backAgain = events.next("connected", undefined, { timeoutMs: 30_000 });
  const ids = Array.from({ length: MESSAGES }, (_, index) => `m${index}`);
  await publish(producer, ids, LARGE);
  await expect.poll(slowOnes, { timeout: patience.timeoutMs }).toBeGreaterThan(0);

  // All of it, also what the server had sent into the void, while the other still does not read.
  const consuming = await brisk.consume({ queue: "work", credit: BRISK_CREDIT }, briskly.receive);
  await expect.poll(() => briskly.ids.size, { timeout: 30_000 }).toBe(MESSAGES);
  expect(slowly.ids.size).toBe(SLOW_CREDIT);
  expect(briskly.mostHeld).toBeLessThanOrEqual(BRISK_CREDIT);
  await consuming.stop();

  await thaw();
  await backAgain;
  const later = Array.from({ length: SLOW_CREDIT * 2 }, (_, index) => `later${index}`);
  await publish(producer, later, SMALL);
  await expect.poll(() => later.every((id) => slowly.ids.has(id)), { timeout: patience.timeoutMs }).toBe(true);
  expect(slowly.mostHeld).toBeLessThanOrEqual(SLOW_CREDIT);
  await expect
    .poll(async () => producer.depth("work"), { timeout: patience.timeoutMs })
    .toMatchObject({ ready: 0, owned: 0, dead: 0 });
});
