/**
 * A server that was killed amid work. One before 2.10 may then keep what was acknowledged, and may believe of what is gone that somebody
 * holds it, where something older is still there.
 */

import type { Delivery } from "@lovage/core/contracts";
import { startNats } from "@lovage/services";
import { describe, expect, it } from "vitest";
import { isHaunted } from "../src/aftermath/nats-ghosts.ts";
import { natureOf } from "../src/aftermath/nats-remains.ts";
import { nanosecond } from "../src/consuming/nats-acks.ts";
import { natsBroker } from "../src/index.ts";
import { withStreams } from "./harness.ts";
import { ack, Collected, message, patience } from "./support.ts";

const LEASE_MS = 3_000;
const LONG_LEASE_MS = 60_000;
const MESSAGES = 4_000;
const DELAYED = 500;
const LONG_HELD = ["100", "1500", "2500"];

it("gives nothing again that was done, has nothing left of it, and counts nothing as owned that is nowhere", {
  timeout: 60_000,
}, async () => {
  await using server = await startNats();
  await using broker = natsBroker({ servers: server.url, heartbeatMs: 1_000 });
  await broker.connect();
  await broker.ensureQueue({ name: "amid", leaseMs: LONG_LEASE_MS });
  const done = new Set<string>();
  const again: string[] = [];
  let half = (): void => {};
  const underWay = new Promise<void>((resolve) => {
    half = resolve;
  });
  const long = new Map<string, Delivery>();
  await broker.consume({ queue: "amid", credit: 50 }, (batch) => {
    for (const delivery of batch) {
      const { id } = delivery.message;
      if (done.has(id)) again.push(id);
      if (LONG_HELD.includes(id)) {
        long.set(id, delivery);
        continue;
      }
      ack(delivery, (settled) => settled === "done" && done.add(id));
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
  await expect.poll(() => done.size, { timeout: patience.timeoutMs }).toBe(MESSAGES - LONG_HELD.length);
  const owned = async (): Promise<number | undefined> => (await broker.depth("amid")).owned;
  await expect.poll(owned, { timeout: patience.timeoutMs }).toBe(LONG_HELD.length);
  await Promise.all([...long.values()].map((delivery) => delivery.ack()));
  await expect
    .poll(() => broker.depth("amid"), { timeout: patience.timeoutMs })
    .toMatchObject({ ready: 0, owned: 0, delayed: 0 });
  const left = async (): Promise<number | undefined> =>
    withStreams({ servers: server.url }, async (streams) => (await streams.info("lovage-q-amid"))?.state.messages);
  await expect.poll(left, { timeout: patience.timeoutMs }).toBe(0);
  expect(again).toEqual([]);
});

it("has nothing left of what was done by a worker that has ended since, either, once nobody holds anything", {
  timeout: 60_000,
}, async () => {
  await using server = await startNats();
  await using staying = natsBroker({ servers: server.url, heartbeatMs: 1_000 });
  await using leaving = natsBroker({ servers: server.url, heartbeatMs: 1_000 });
  await Promise.all([staying.connect(), leaving.connect()]);
  await staying.ensureQueue({ name: "ended", leaseMs: LEASE_MS });
  const held = new Collected();
  let acked = 0;
  const settle = (batch: readonly Delivery[]): void => {
    for (const delivery of batch) {
      // Keeps what is stored before and after it from being forgotten as a whole.
      if (delivery.message.id === "0" && !delivery.redelivered) held.receive([delivery]);
      else ack(delivery, () => acked++);
    }
  };
  await staying.consume({ queue: "ended", credit: 5 }, settle);
  await staying.publish([message("ended", "0")]);
  const first = await held.next();
  const gone = await leaving.consume({ queue: "ended", credit: 50 }, settle);
  await staying.publish(Array.from({ length: MESSAGES }, (_, index) => message("ended", `n${index}`)));
  await expect.poll(() => acked, { timeout: patience.timeoutMs }).toBeGreaterThanOrEqual(MESSAGES);
  await gone.stop();
  // Whoever stays has seen as much pass.
  await staying.publish([message("ended", "last")]);
  await expect.poll(() => acked, { timeout: patience.timeoutMs }).toBeGreaterThan(MESSAGES);
  await server.process.kill();
  await server.process.start();
  await first.ack();
  const left = async (): Promise<number | undefined> =>
    withStreams({ servers: server.url }, async (streams) => (await streams.info("lovage-q-ended"))?.state.messages);
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
      ack(delivery, () => acked.add(delivery.message.id));
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

describe("entries of messages that are nowhere", () => {
  const state = { messages: 10, num_deleted: 5 };
  const knows = (num_pending: number, num_ack_pending: number) => [{ num_pending, num_ack_pending }];

  it("are there if consumers know of more messages than there are", () => {
    expect(isHaunted(knows(8, 3), state, false)).toBe(true);
    expect(isHaunted([...knows(4, 1), ...knows(4, 2)], state, false)).toBe(true);
    expect(isHaunted(knows(8, 2), state, false)).toBe(false);
  });

  it("may be there, hidden by what should be gone, on a server that was started anew, unless that would be long to find out", () => {
    expect(isHaunted(knows(1, 2), state, true)).toBe(true);
    expect(isHaunted(knows(1, 2), { ...state, num_deleted: 1_000_000 }, true)).toBe(false);
    expect(isHaunted(knows(9, 2), { ...state, num_deleted: 1_000_000 }, true)).toBe(true);
  });

  it("are none where nothing is held, or no place is empty", () => {
    expect(isHaunted(knows(11, 0), state, true)).toBe(false);
    expect(isHaunted(knows(9, 2), { messages: 10 }, true)).toBe(false);
  });
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
