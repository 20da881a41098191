import { describe, expect, it } from "vitest";
import { LeaseWatch } from "../../src/brokers/index.ts";
import { OneConsumption, turn } from "./one-consumption.ts";

describe("a delivery", () => {
  it("is settled once: whatever is asked later has the first answer, and asks nobody", async () => {
    const one = new OneConsumption();
    const delivery = one.take({ leaseExpiresAt: Date.now() + 1_000, starts: 0 });
    const answers = [delivery.ack(), delivery.release(), delivery.requeue(), delivery.renew(), delivery.markStarted()];
    const asked = one.leave();
    expect(asked.map(({ kind }) => kind)).toEqual(["ack"]);
    asked[0]?.answer("done");
    expect(await Promise.all(answers)).toEqual(Array(5).fill("done"));
  });

  it("lets a renewal that a settlement overtook say what the settlement says", async () => {
    const one = new OneConsumption();
    const delivery = one.take({ leaseExpiresAt: Date.now() + 1_000 });
    const renewed = delivery.renew();
    const acked = delivery.ack();
    const [renewal, ack] = one.leave();
    renewal?.answer("lost");
    expect(delivery.lost.aborted).toBe(false);
    ack?.answer("done");
    expect([await renewed, await acked]).toEqual(["done", "done"]);
  });

  it("is known for lost before whoever asked hears of it, once, and asks nobody from then on", async () => {
    const one = new OneConsumption();
    const delivery = one.take({ leaseExpiresAt: Date.now() });
    const { lost } = delivery;
    const renewed = delivery.renew();
    one.answer("lost");
    expect(lost.aborted).toBe(true);
    expect(await renewed).toBe("lost");
    delivery.lose();
    expect(await delivery.ack()).toBe("lost");
    expect(one.leave()).toEqual([]);
    await turn();
    expect(one.told).toEqual([{ type: "ownership-lost", queue: "mail", ids: ["m1"] }]);
  });

  it("gives its lost signal, already aborted, also to those who ask late", () => {
    const delivery = new OneConsumption().take();
    delivery.lose();
    expect(delivery.lost.aborted).toBe(true);
  });

  it("asks nobody for a lease or a start that its broker does not keep", async () => {
    const one = new OneConsumption();
    const delivery = one.take();
    expect([await delivery.renew(), await delivery.markStarted()]).toEqual(["done", "done"]);
    expect(one.requests.pending).toBe(false);
    expect(delivery.leaseExpiresAt).toBeUndefined();
    expect(delivery.starts).toBeUndefined();
  });

  it("asks whether it is still ours in place of a start that is not counted", async () => {
    const one = new OneConsumption();
    const begun = one.take({ leaseExpiresAt: Date.now() + 1_000 }).markStarted();
    expect(one.leave()).toMatchObject([{ kind: "checkLease", claim: 1 }]);
    const stale = one.take({ leaseExpiresAt: Date.now() });
    const late = stale.markStarted();
    one.answer("lost");
    expect([await late, stale.lost.aborted, stale.starts]).toEqual(["lost", true, undefined]);
    void begun;
  });

  it("moves its lease by a renewal, counted from before it was asked", async () => {
    const one = new OneConsumption();
    one.consumption.leaseMs = 60_000;
    const delivery = one.take({ leaseExpiresAt: Date.now() });
    const before = Date.now();
    const renewed = delivery.renew();
    const asked = Date.now();
    await turn();
    one.answer("done");
    await renewed;
    expect(delivery.leaseExpiresAt).toBeGreaterThanOrEqual(before + 60_000);
    expect(delivery.leaseExpiresAt).toBeLessThanOrEqual(asked + 60_000);
  });

  it("counts a start when it is recorded, and tells a release what to take back", async () => {
    const one = new OneConsumption();
    const delivery = one.take({ starts: 2 });
    const marked = delivery.markStarted();
    expect(delivery.starts).toBe(2);
    one.answer("done");
    await marked;
    expect(delivery.starts).toBe(3);
    void delivery.release();
    expect(one.leave()).toMatchObject([{ kind: "release", marks: 1, delivery: { startsBefore: 2 } }]);
  });

  it("is refused everything but its answer once the broker is closed", async () => {
    const one = new OneConsumption();
    const settled = one.take();
    const held = one.take();
    const answer = settled.ack();
    one.answer("done");
    one.closed = true;
    expect(await settled.ack()).toBe("done");
    await expect(held.ack()).rejects.toMatchObject({ code: "BROKER_CLOSED" });
    await expect(held.renew()).rejects.toMatchObject({ code: "BROKER_CLOSED" });
    expect(await answer).toBe("done");
  });
});

describe("the watch over leases", () => {
  it("lets whoever renews go first after the process stood still", async () => {
    const one = new OneConsumption();
    one.consumption.leaseMs = 60_000;
    const delivery = one.take({ leaseExpiresAt: Date.now() + 1 });
    const renewal = new Promise<void>((resolve) => {
      setTimeout(() => {
        void delivery.renew();
        resolve();
      }, 30);
    });
    new LeaseWatch(one.consumption).from(Date.now() + 1);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
    await renewal;
    expect(one.leave().map(({ kind }) => kind)).toEqual(["renew"]);
  });

  it("looks no further once nothing is held, and begins again with the next", async () => {
    const one = new OneConsumption();
    const watch = new LeaseWatch(one.consumption);
    const gone = one.take({ leaseExpiresAt: Date.now() });
    watch.from(Date.now());
    void gone.ack();
    one.answer("done");
    await new Promise((resolve) => setTimeout(resolve, 30));
    one.take({ leaseExpiresAt: Date.now() });
    watch.from(Date.now());
    await expect
      .poll(() => one.leave().map(({ kind }) => kind), { timeout: 5_000, interval: 5 })
      .toEqual(["checkLease"]);
  });
});

describe("a consumption", () => {
  it("hands over what one turn brings as one batch, and has counted it before", async () => {
    const one = new OneConsumption(3);
    one.take();
    one.take();
    expect([one.consumption.unsettled, one.consumption.room, one.batches.length]).toEqual([2, 1, 0]);
    await turn();
    one.take();
    one.consumption.handOver();
    await turn();
    expect(one.batches.map((batch) => batch.map(({ message }) => message.id))).toEqual([["m1", "m2"], ["m3"]]);
  });

  it("has room again when a settlement leaves, before it is answered, and only then", () => {
    const one = new OneConsumption(1);
    void one.take().ack();
    expect([one.consumption.room, one.wakes]).toEqual([0, 0]);
    one.leave();
    expect([one.consumption.room, one.wakes]).toEqual([1, 1]);
  });

  it("keeps the credit for what is only renewed", () => {
    const one = new OneConsumption(1);
    void one.take({ leaseExpiresAt: Date.now() }).renew();
    one.leave();
    expect(one.consumption.room).toBe(0);
  });

  it("has no room below none: credit may be lowered under what is held, and be a fraction", () => {
    const one = new OneConsumption(2.9);
    expect(one.consumption.room).toBe(2);
    one.take();
    one.take();
    one.consumption.setCredit(1);
    expect(one.consumption.room).toBe(0);
    expect(() => one.consumption.setCredit(Number.NaN)).toThrow(/credit is NaN/);
  });

  it("gives back what had been taken and not handed over when it was stopped, and what arrives after", async () => {
    const one = new OneConsumption();
    one.take();
    await one.consumption.stop();
    one.take();
    await turn();
    expect(one.batches).toEqual([]);
    expect(one.leave().map(({ kind, claim }) => [kind, claim])).toEqual([
      ["release", 1],
      ["release", 2],
    ]);
  });

  it("lets what it holds be settled after the stop, and has ended when that has left", async () => {
    const one = new OneConsumption();
    const delivery = one.take();
    one.consumption.handOver();
    await one.consumption.stop();
    expect([one.endings, one.consumption.unsettled]).toEqual([0, 1]);
    void delivery.ack();
    one.leave();
    expect([one.endings > 0, one.consumption.unsettled, one.wakes]).toEqual([true, 0, 0]);
  });

  it("loses everything with its queue, once, and says so after", async () => {
    const one = new OneConsumption();
    const { lost } = one.take();
    one.consumption.handOver();
    one.consumption.queueLost();
    one.consumption.queueLost();
    expect([lost.aborted, one.consumption.open]).toEqual([true, false]);
    await turn();
    expect(one.told).toEqual([
      { type: "queue-lost", queue: "mail" },
      { type: "ownership-lost", queue: "mail", ids: ["m1"] },
    ]);
  });

  it("loses what a connection held together with it, tells it in one event, and takes on with a new one", async () => {
    const one = new OneConsumption(2);
    one.take();
    one.take();
    one.consumption.handOver();
    one.consumption.loseAll(({ claim }) => claim <= 2);
    expect(one.consumption.room).toBe(2);
    one.take();
    await turn();
    expect(one.told).toEqual([{ type: "ownership-lost", queue: "mail", ids: ["m1", "m2"] }]);
    expect(one.batches).toHaveLength(2);
  });

  it("gives back for its holder what is unsettled when the broker closes, and tells that one", () => {
    const one = new OneConsumption();
    const held = one.take();
    const settling = one.take();
    one.consumption.handOver();
    void settling.ack();
    void one.consumption.giveBackAll();
    expect([held.lost.aborted, settling.lost.aborted]).toEqual([true, false]);
    expect(one.leave().map(({ kind, claim }) => [kind, claim])).toEqual([
      ["ack", 2],
      ["release", 1],
    ]);
  });
});
