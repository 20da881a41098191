import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Broker, BrokerEvent, Delivery, OutgoingMessage } from "../../src/contracts/index.ts";
import { type Clock, memoryBroker, memoryServer } from "../../src/memory/index.ts";
import { type ManualClock, manualClock } from "../../src/testing/index.ts";

const DAY_MS = 24 * 3_600_000;

/** One round of the event loop: what was due and what has credit is handed out. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe("the memory broker", () => {
  let clock: ManualClock;
  let broker: Broker;
  let nextId = 0;

  const message = (parts: Partial<OutgoingMessage> = {}): OutgoingMessage => {
    nextId += 1;
    return { id: `m${nextId}`, queue: "q", headers: { task: "t" }, body: "[[]]", priority: 5, ...parts };
  };
  const consume = async (credit: number, from: Broker = broker): Promise<Delivery[] & { batches: number[] }> => {
    const seen = Object.assign([] as Delivery[], { batches: [] as number[] });
    await from.consume({ queue: "q", credit }, (batch) => {
      seen.batches.push(batch.length);
      seen.push(...batch);
    });
    return seen;
  };

  beforeEach(async () => {
    clock = manualClock();
    broker = memoryBroker({ clock });
    await broker.connect();
    await broker.ensureQueue({ name: "q", leaseMs: 1_000 });
  });
  afterEach(() => broker.close());

  test("hands over what one tick publishes as one batch, and what the freed credit of one tick allows as the next", async () => {
    const seen = await consume(3);
    for (let count = 0; count < 6; count += 1) void broker.publish([message()]);
    await turn();
    expect(seen.batches).toEqual([3]);
    for (const delivery of seen.slice()) void delivery.ack();
    await turn();
    expect(seen.batches).toEqual([3, 3]);
  });

  test("ends a lease at its instant and gives the message to the same consumption again", async () => {
    const seen = await consume(1);
    const events: BrokerEvent[] = [];
    broker.onEvent((event) => events.push(event));
    await broker.publish([message()]);
    await turn();
    expect(seen[0]?.leaseExpiresAt).toBe(clock.now() + 1_000);
    clock.advance(999);
    await turn();
    expect(seen).toHaveLength(1);
    clock.advance(1);
    await turn();
    expect(seen).toHaveLength(2);
    expect(seen[0]?.lost.aborted).toBe(true);
    expect(events).toEqual([{ type: "ownership-lost", queue: "q", ids: [seen[0]?.message.id] }]);
    expect(await seen[0]?.ack()).toBe("lost");
    expect(seen[1]).toMatchObject({ redelivered: true, deliveryCount: 2 });
    expect(await seen[1]?.ack()).toBe("done");
  });

  test("lets a holder whose loop was held for longer than its lease renew before anything lapses", async () => {
    const seen = await consume(1);
    await broker.publish([message()]);
    await turn();
    clock.advance(60_000);
    void seen[0]?.renew();
    await turn();
    expect(seen).toHaveLength(1);
    expect(await seen[0]?.ack()).toBe("done");
  });

  test("keeps a delay that is longer than a timer can wait", async () => {
    const seen = await consume(1);
    await broker.publish([message({ dueAt: clock.now() + 40 * DAY_MS })]);
    clock.advance(40 * DAY_MS - 1);
    await turn();
    expect(seen).toHaveLength(0);
    clock.advance(1);
    await turn();
    expect(seen).toHaveLength(1);
  });

  test("does not lose what falls due while nobody is connected", async () => {
    const server = memoryServer({ clock });
    const [first, second] = [memoryBroker({ server }), memoryBroker({ server })];
    await first.connect();
    await first.ensureQueue({ name: "q" });
    await first.publish([message({ dueAt: clock.now() + 500 })]);
    await first.close();
    clock.advance(1_000);
    await second.connect();
    const seen = await consume(1, second);
    await turn();
    expect(seen).toHaveLength(1);
    await second.close();
  });

  test("sets no timer while nobody is connected, and gives back at once what the leaving one held", async () => {
    const timers = new Set<() => void>();
    const counting: Clock = {
      now: clock.now,
      at(instant, run, keepAlive) {
        const callOff = clock.at(instant, run, keepAlive);
        timers.add(callOff);
        return () => {
          timers.delete(callOff);
          callOff();
        };
      },
    };
    const server = memoryServer({ clock: counting });
    const [leaving, staying] = [memoryBroker({ server }), memoryBroker({ server })];
    await leaving.connect();
    await staying.connect();
    await leaving.ensureQueue({ name: "q" });
    await leaving.publish([message(), message({ dueAt: clock.now() + 5_000 })]);
    await leaving.revoke(["gone"]);
    const seen = await consume(1, leaving);
    await turn();
    expect(seen).toHaveLength(1);
    expect(timers.size).toBeGreaterThan(0);
    await leaving.close();
    expect(seen[0]?.lost.aborted).toBe(true);
    expect(await staying.depth("q")).toMatchObject({ ready: 1, owned: 0, delayed: 1 });
    await staying.close();
    expect(timers.size).toBe(0);
  });

  test("forgets a revocation after a day", async () => {
    const [early, late] = [message(), message()];
    await broker.revoke([early.id, late.id]);
    clock.advance(DAY_MS - 1);
    await broker.publish([early]);
    expect((await broker.depth("q")).ready).toBe(0);
    clock.advance(1);
    await broker.publish([late]);
    expect((await broker.depth("q")).ready).toBe(1);
  });

  test("drops dead letters after two weeks unless told otherwise", async () => {
    const seen = await consume(1);
    await broker.publish([message()]);
    await turn();
    await seen[0]?.deadLetter({ code: "failed" });
    clock.advance(14 * DAY_MS - 1);
    expect(await broker.deadLetters("q")).toHaveLength(1);
    clock.advance(1);
    expect(await broker.deadLetters("q")).toHaveLength(0);
  });

  test("does not lapse, delay or expire anything again when the clock is set back", async () => {
    const seen = await consume(2);
    await broker.publish([message(), message({ dueAt: clock.now() + 400 })]);
    await turn();
    clock.advance(500);
    await turn();
    clock.set(clock.now() - DAY_MS);
    await turn();
    expect(seen).toHaveLength(2);
    for (const delivery of seen) expect(await delivery.ack()).toBe("done");
  });

  test("refuses what exceeds its limit and takes more once there is room", async () => {
    const small = memoryBroker({ maxMessages: 2, clock });
    await small.connect();
    await small.ensureQueue({ name: "q" });
    const seen = await consume(1, small);
    const outcomes = await small.publish([message(), message(), message()]);
    expect(outcomes.map(({ status }) => status)).toEqual(["accepted", "accepted", "refused"]);
    expect(outcomes[2]).toMatchObject({ error: { code: "BROKER_FULL" } });
    await turn();
    await seen[0]?.ack();
    expect(await small.publish([message()])).toMatchObject([{ status: "accepted" }]);
    await small.close();
  });

  test("lets the process hear of a listener that throws, and hands the others theirs", async () => {
    const other = await consume(1);
    await broker.consume({ queue: "q", credit: 1 }, () => {
      throw new Error("a broken listener");
    });
    const heard = new Promise<unknown>((resolve) => {
      const listeners = process.listeners("uncaughtException");
      process.removeAllListeners("uncaughtException");
      process.once("uncaughtException", (error) => {
        for (const listener of listeners) process.on("uncaughtException", listener);
        resolve(error);
      });
    });
    await broker.publish([message(), message()]);
    expect(await heard).toMatchObject({ message: "a broken listener" });
    await turn();
    expect(other).toHaveLength(1);
  });

  test("shares queues, control and results among the brokers of one server, and with no other", async () => {
    const server = memoryServer({ clock, name: "shared" });
    const [first, second, stranger] = [memoryBroker({ server }), memoryBroker({ server }), memoryBroker({ clock })];
    for (const each of [first, second, stranger]) await each.connect();
    await first.ensureQueue({ name: "q" });
    expect(await second.queues()).toEqual(["q"]);
    expect(await stranger.queues()).toEqual([]);
    expect(first.address).toBe("memory:shared");
    for (const each of [first, second, stranger]) await each.close();
  });
});
