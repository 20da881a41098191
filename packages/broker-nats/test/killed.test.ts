/**
 * A server that was killed amid work. One before 2.10 may then keep what was acknowledged, and may believe of what is gone that somebody
 * holds it, where something older is still there.
 */

import { startNats } from "@lovage/services";
import { describe, expect, it } from "vitest";
import { natsBroker } from "../src/index.ts";
import { nanosecond } from "../src/nats-acks.ts";
import { natureOf } from "../src/nats-remains.ts";
import { withStreams } from "./harness.ts";
import { Collected, message, patience } from "./support.ts";

const LEASE_MS = 3_000;
const MESSAGES = 4_000;
const DELAYED = 500;
const LONG_HELD = [100, 1_500, 2_500];

it("has nothing left of what was done, and counts nothing as owned that is nowhere, once nobody holds anything", {
  timeout: 60_000,
}, async () => {
  await using server = await startNats();
  await using broker = natsBroker({ servers: server.url, heartbeatMs: 1_000 });
  await broker.connect();
  await broker.ensureQueue({ name: "amid", leaseMs: LEASE_MS });
  const done = new Set<string>();
  const held = new Collected();
  let half = (): void => {};
  const underWay = new Promise<void>((resolve) => {
    half = resolve;
  });
  const long = new Set(LONG_HELD.map(String));
  await broker.consume({ queue: "amid", credit: 50 }, (batch) => {
    for (const delivery of batch) {
      const { id } = delivery.message;
      if (long.delete(id)) {
        held.receive([delivery]);
        continue;
      }
      void delivery.ack().then(() => done.add(id));
      if (done.size >= MESSAGES * 0.75) half();
    }
  });
  const publishing = (async () => {
    for (let from = 0; from < MESSAGES; from += 20)
      await broker.publish(Array.from({ length: 20 }, (_, index) => message("amid", String(from + index))));
  })();
  await underWay;
  await server.process.kill();
  await server.process.start();
  await publishing;
  for (const _ of LONG_HELD) {
    const delivery = await held.next();
    await delivery.ack();
    done.add(delivery.message.id);
  }
  await expect.poll(() => done.size, { timeout: patience.timeoutMs }).toBe(MESSAGES);
  await expect
    .poll(() => broker.depth("amid"), { timeout: patience.timeoutMs })
    .toMatchObject({ ready: 0, owned: 0, delayed: 0 });
  const left = async (): Promise<number | undefined> =>
    withStreams({ servers: server.url }, async (streams) => (await streams.info("lovage-q-amid"))?.state.messages);
  await expect.poll(left, { timeout: patience.timeoutMs }).toBe(0);
});

it("does not run again what was delayed and is done, although the server has it again", {
  timeout: 60_000,
}, async () => {
  await using server = await startNats();
  await using broker = natsBroker({ servers: server.url, heartbeatMs: 1_000 });
  await broker.connect();
  await broker.ensureQueue({ name: "later", leaseMs: LEASE_MS });
  const runs: string[] = [];
  const acked = new Set<string>();
  await broker.consume({ queue: "later", credit: 50 }, (batch) => {
    for (const delivery of batch) {
      runs.push(delivery.message.id);
      void delivery.ack().then(() => acked.add(delivery.message.id));
    }
  });
  const dueAt = Date.now() + 300;
  await broker.publish([
    message("later", "far", { dueAt: dueAt + 3_600_000 }),
    ...Array.from({ length: DELAYED }, (_, index) => message("later", String(index), { dueAt: dueAt + index })),
  ]);
  const delayed = async (): Promise<number | undefined> => (await broker.depth("later")).delayed;
  await expect.poll(() => acked.size, { timeout: patience.timeoutMs }).toBe(DELAYED);
  await expect.poll(delayed, { timeout: patience.timeoutMs }).toBe(1);
  await server.process.kill();
  await server.process.start();
  await expect.poll(delayed, { timeout: patience.timeoutMs }).toBe(1);
  // Anything that was moved again stands before this one.
  await broker.publish([message("later", "last")]);
  await expect.poll(() => acked.has("last"), { timeout: patience.timeoutMs }).toBe(true);
  expect(runs.length).toBe(DELAYED + 1);
});

describe("what is in the stream while nobody holds anything", () => {
  const storedAt = nanosecond("2026-11-01T12:00:00.5Z");
  const stretch = { from: 10, to: 20, storedAt };
  const early = "2026-11-01T12:00:00.400123456Z";
  const late = "2026-11-01T12:00:03.000000001Z";

  it("remains, if it was given out and stored before the server went", () => {
    expect(natureOf({ seq: 15, time: early }, stretch, 20)).toBe("remains");
    expect(natureOf({ seq: 20, time: "2026-11-01T12:00:00.5Z" }, stretch, 40)).toBe("remains");
  });

  it("is yet to be given out, if its consumer has not come so far", () => {
    expect(natureOf({ seq: 15, time: early }, stretch, 14)).toBe("beyond");
  });

  it("has taken another's place, if it was stored later: never given out, and not to be removed", () => {
    expect(natureOf({ seq: 15, time: late }, stretch, 20)).toBe("counted anew");
    expect(natureOf({ seq: 20, time: late }, stretch, 14)).toBe("counted anew");
  });

  it("is nobody's business past what was seen", () => {
    expect(natureOf({ seq: 21, time: early }, stretch, 40)).toBe("beyond");
    expect(natureOf({ seq: 21, time: late }, stretch, 40)).toBe("beyond");
  });
});
