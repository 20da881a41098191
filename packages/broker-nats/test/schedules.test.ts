/** Delayed messages where the server keeps them: it moves them itself, nobody of ours has to be there. */

import { eventually } from "@lovage/core/testing";
import { afterAll, describe, expect, it } from "vitest";
import { natsBroker } from "../src/index.ts";
import { featuresOf, parseVersion, type Version } from "../src/nats-versions.ts";
import { startRig, withLink, withStreams } from "./harness.ts";
import { ack, Collected, message, patience } from "./support.ts";

const rig = await startRig();
afterAll(() => rig.close());

const version = await withLink(rig.direct, async ({ connection }) => parseVersion(connection.info?.version ?? ""));
const { schedules } = featuresOf(version as Version);
const STUCK = { timeoutMs: 25_000 };

const scheduled = (namespace: string): Promise<number> =>
  withStreams(rig.direct, async (streams) => {
    let found = 0;
    for await (const page of streams.subjects(`${namespace}-q-work`, `${namespace}.s.work.>`)) {
      found += Object.keys(page).length;
    }
    return found;
  });

describe.skipIf(!schedules)("a queue of a server that has schedules (2.12)", () => {
  it("is given what is due by the server itself, while nobody of ours is connected", async () => {
    const options = { ...rig.direct, namespace: "alone" };
    const dueAt = Date.now() + 700;
    {
      await using producer = natsBroker(options);
      await producer.connect();
      await producer.ensureQueue({ name: "work" });
      await producer.publish([
        message("work", "soon", { dueAt }),
        message("work", "later", { dueAt: dueAt + 3_600_000 }),
      ]);
      expect(await producer.depth("work")).toMatchObject({ ready: 0, delayed: 2 });
      expect(await scheduled("alone")).toBe(2);
    }
    await eventually("the server to move one", async () => (await scheduled("alone")) === 1, patience);
    expect(Date.now()).toBeGreaterThanOrEqual(dueAt);
    await using broker = natsBroker(options);
    await broker.connect();
    expect(await broker.depth("work")).toMatchObject({ ready: 1, delayed: 1 });
    expect(await broker.revoke(["later"])).toEqual([{ id: "later", status: "removed" }]);
    expect(await scheduled("alone")).toBe(0);
    await broker.destroyQueue("work");
  });

  it("gets all and none early when the server is killed over and over while they fall due", async () => {
    await using broker = natsBroker({ ...rig.direct, namespace: "killed" });
    await broker.connect();
    // What a killed server had given out comes again after it.
    await broker.ensureQueue({ name: "work", leaseMs: 2_000 });
    const due = new Map<string, number>();
    const start = Date.now() + 1_000;
    const messages = Array.from({ length: 300 }, (_, index) => {
      const dueAt = start + index * 10;
      due.set(`m-${index}`, dueAt);
      return message("work", `m-${index}`, { dueAt });
    });
    for (const { status } of await broker.publish(messages)) expect(status).toBe("accepted");
    const seen = new Set<string>();
    const early: string[] = [];
    await broker.consume({ queue: "work", credit: 50 }, (batch) => {
      for (const delivery of batch) {
        const { id } = delivery.message;
        seen.add(id);
        if (Date.now() < (due.get(id) ?? 0)) early.push(id);
        ack(delivery);
      }
    });
    for (const share of [0.1, 0.4, 0.8]) {
      await eventually("some to come", () => seen.size >= due.size * share, STUCK);
      await rig.server.process.restart();
    }
    await eventually("all to come", () => seen.size === due.size, STUCK);
    await eventually(
      "nothing to be left",
      async () => {
        const { ready, owned, delayed } = await broker.depth("work");
        return (ready ?? 0) + (owned ?? 0) + (delayed ?? 0) === 0;
      },
      STUCK,
    );
    expect(early).toEqual([]);
    await broker.destroyQueue("work");
  });

  it("still gets what found no room when it was due, once there is room again", async () => {
    await using broker = natsBroker({ ...rig.direct, namespace: "full" });
    await broker.connect();
    await broker.ensureQueue({ name: "work" });
    const inbox = new Collected();
    await broker.consume({ queue: "work", credit: 5 }, inbox.receive);
    const dueAt = Date.now() + 1_000;
    await broker.publish([message("work", "a", { dueAt }), message("work", "b", { dueAt })]);
    await rig.limit(1);
    const [refused] = await broker.publish([message("work")]);
    expect(refused).toMatchObject({ status: "refused", error: { code: "BROKER_FULL" } });
    await eventually("them to be overdue", () => Date.now() > dueAt + 1_000, patience);
    expect(await scheduled("full")).toBe(2);
    await rig.limit(-1);
    // Longer than a window and the time after it.
    await eventually("them to be moved", async () => (await scheduled("full")) === 0, STUCK);
    const came = [await inbox.next(), await inbox.next()];
    expect(came.map(({ message: { id } }) => id).sort()).toEqual(["a", "b"]);
    for (const delivery of came) expect(await delivery.ack()).toBe("done");
    expect(await broker.depth("work")).toMatchObject({ ready: 0, owned: 0, delayed: 0 });
    await broker.destroyQueue("work");
  });

  it("has none where it has a limit, and is refused by name where it was given one later", async () => {
    await using limited = natsBroker({ ...rig.direct, namespace: "limited", maxBytes: 1_000_000 });
    await limited.connect();
    await limited.ensureQueue({ name: "work" });
    await limited.publish([message("work", "m", { dueAt: Date.now() + 3_600_000 })]);
    const config = await withStreams(rig.direct, async (streams) => (await streams.info("limited-q-work"))?.config);
    expect(config).toMatchObject({ discard: "new", max_bytes: 1_000_000 });
    expect(config?.allow_msg_schedules ?? false).toBe(false);
    expect(await limited.depth("work")).toMatchObject({ delayed: 1 });

    await using broker = natsBroker({ ...rig.direct, namespace: "later" });
    await broker.connect();
    await broker.ensureQueue({ name: "work" });
    await withStreams(rig.direct, async (streams) => {
      const info = await streams.info("later-q-work");
      if (info !== undefined) await streams.update({ ...info.config, max_msgs: 10 });
    });
    await expect(broker.ensureQueue({ name: "work" })).rejects.toMatchObject({
      code: "BROKER_LAYOUT",
      message: expect.stringContaining("max_msgs"),
    });
    for (const each of [limited, broker]) await each.destroyQueue("work");
  });
});
