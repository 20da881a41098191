/** Parts of a queue that somebody removes on the server, under those who use it. */

import type { Delivery } from "@lovage/core/contracts";
import { eventLog } from "@lovage/core/testing";
import { afterAll, describe, expect, it } from "vitest";
import { natsBroker } from "../src/index.ts";
import { startRig, withStreams } from "./harness.ts";
import { Collected, message, patience } from "./support.ts";

const rig = await startRig();
afterAll(() => rig.close());

for (const bands of [1, 3]) {
  describe(`with ${bands} band${bands > 1 ? "s" : ""}`, () => {
    const namespace = `removed${bands}`;
    const options = { ...rig.direct, namespace, bands };
    const stream = `${namespace}-q-work`;

    it("goes on when its consumer is deleted while it waits, and what was unacked comes again, counted from 1", async () => {
      await using broker = natsBroker(options);
      await broker.connect();
      await broker.ensureQueue({ name: "work", leaseMs: 1_000 });
      const events = eventLog(broker);
      const inbox = new Collected();
      await broker.publish([message("work", "held")]);
      await broker.consume({ queue: "work", credit: 5 }, inbox.receive);
      const held = await inbox.next();
      const restarted = events.next("consumption-restarted", undefined, patience);
      await withStreams(rig.direct, async (streams) => {
        for (let band = 0; band < bands; band += 1) await streams.deleteConsumer(stream, `b${band}`);
      });
      // With several bands nothing is asked while all are empty: the next message is the reason to ask.
      const [outcome] = await broker.publish([message("work", "later")]);
      expect(outcome?.status).toBe("accepted");
      expect((await restarted).queue).toBe("work");
      const ids = new Set<string>();
      while (!ids.has("later") || !ids.has("held")) {
        const delivery = await inbox.next();
        ids.add(delivery.message.id);
        expect(await delivery.ack()).toBe("done");
      }
      expect(await held.ack()).toMatch(/^(done|lost)$/);
      expect(await broker.depth("work")).toMatchObject({ ready: 0, owned: 0 });
      events.stop();
      await broker.destroyQueue("work");
    });

    it("carries out an ack of before when its consumer is gone, and when another has made it again", async () => {
      await using broker = natsBroker(options);
      await using other = natsBroker(options);
      await Promise.all([broker.connect(), other.connect()]);
      await broker.ensureQueue({ name: "work", leaseMs: 3_600_000 });
      const inbox = new Collected();
      await broker.publish([message("work", "first"), message("work", "second")]);
      const consumption = await broker.consume({ queue: "work", credit: 2 }, inbox.receive);
      const held = [await inbox.next(), await inbox.next()];
      consumption.setCredit(0);
      await withStreams(rig.direct, async (streams) => {
        for (let band = 0; band < bands; band += 1) await streams.deleteConsumer(stream, `b${band}`);
      });
      expect(await held[0]?.ack()).toBe("done");
      await withStreams(rig.direct, async (streams) => {
        for (let band = 0; band < bands; band += 1) await streams.deleteConsumer(stream, `b${band}`);
      });
      await other.consume({ queue: "work", credit: 0 }, () => {});
      expect(await held[1]?.ack()).toBe("done");
      expect(await broker.depth("work")).toMatchObject({ ready: 0, owned: 0 });
      await broker.destroyQueue("work");
    });

    it("takes nothing from a stream made anew: what was delivered of the one before is lost, and says so", async () => {
      await using broker = natsBroker(options);
      await using other = natsBroker(options);
      await Promise.all([broker.connect(), other.connect()]);
      await broker.ensureQueue({ name: "work", leaseMs: 30_000 });
      const [inbox, others] = [new Collected(), new Collected()];
      await broker.publish([message("work", "before")]);
      const consumption = await broker.consume({ queue: "work", credit: 1 }, inbox.receive);
      const before = await inbox.next();
      consumption.setCredit(0);
      await withStreams(rig.direct, (streams) => streams.delete(stream));
      // The first of its stream, as the other was.
      expect(await other.publish([message("work", "after")])).toMatchObject([{ status: "accepted" }]);
      expect(before.lost.aborted).toBe(true);
      await other.consume({ queue: "work", credit: 1 }, others.receive);
      const after = await others.next();
      expect(after.message.id).toBe("after");
      expect(await before.ack()).toBe("lost");
      expect(await before.requeue()).toBe("lost");
      expect(await broker.depth("work")).toMatchObject({ ready: 0, owned: 1 });
      expect(await after.release()).toBe("done");
      expect((await others.next()).message.id).toBe("after");
      await broker.destroyQueue("work");
    });

    it("makes its stream again when that is deleted, and publishing and consuming go on", async () => {
      await using broker = natsBroker(options);
      await using producer = natsBroker(options);
      await Promise.all([broker.connect(), producer.connect()]);
      await broker.ensureQueue({ name: "work", leaseMs: 1_000 });
      const inbox = new Collected();
      await broker.consume({ queue: "work", credit: 5 }, inbox.receive);
      await producer.publish([message("work", "before")]);
      const gone = await inbox.next();
      await withStreams(rig.direct, (streams) => streams.delete(stream));
      expect(await gone.ack()).toMatch(/^(done|lost)$/);
      const [outcome] = await producer.publish([message("work", "after")]);
      expect(outcome?.status).toBe("accepted");
      let last: Delivery = gone;
      while (last.message.id !== "after") last = await inbox.next();
      expect(await last.ack()).toBe("done");
      await broker.destroyQueue("work");
    });

    it("refuses a publish to a queue that was destroyed by another, and tells its consumer", async () => {
      await using broker = natsBroker(options);
      await using other = natsBroker(options);
      await Promise.all([broker.connect(), other.connect()]);
      await other.ensureQueue({ name: "work" });
      const events = eventLog(broker);
      await broker.consume({ queue: "work", credit: 1 }, () => {});
      const lost = events.next("queue-lost", undefined, patience);
      await other.destroyQueue("work");
      expect((await lost).queue).toBe("work");
      const [outcome] = await broker.publish([message("work")]);
      expect(outcome).toMatchObject({ status: "refused", error: { code: "QUEUE_NOT_FOUND" } });
      events.stop();
    });
  });
}
