import { describe, expect, it } from "vitest";
import { BufferGauge } from "../../src/engine/buffer.ts";

function busy(gauge: BufferGauge, durationMs: number, from: number, forMs: number, perMs = 50): number {
  for (let now = from; now < from + forMs; now += 10) {
    for (let run = 0; run < perMs * 10; run++) gauge.observe("t", durationMs, now);
    gauge.sample(now);
  }
  return from + forMs - 10;
}

describe("the automatic buffer", () => {
  it("is nothing until a task was measured", () => {
    expect(new BufferGauge("auto").size(50, 1_000)).toBe(0);
  });

  it("is 5 ms of work for the lane's slots", () => {
    const gauge = new BufferGauge("auto");
    const now = busy(gauge, 0.5, 1_000, 500);
    expect(gauge.size(2, now)).toBe(20);
    expect(gauge.size(50, now)).toBe(500);
  });

  it("is what the lane finishes in 20 ms where that is less, and at least one for each slot", () => {
    const slow = new BufferGauge("auto");
    expect(slow.size(4, busy(slow, 0, 1_000, 500, 2))).toBe(40);
    const slower = new BufferGauge("auto");
    expect(slower.size(4, busy(slower, 0, 1_000, 500, 0.1))).toBe(4);
  });

  it("is bounded however short the tasks are", () => {
    const gauge = new BufferGauge("auto");
    const now = busy(gauge, 0, 1_000, 500);
    expect(gauge.size(1, now)).toBe(500);
    expect(gauge.size(500, now)).toBe(1_000);
  });

  it("is nothing for tasks longer than 5 ms", () => {
    const gauge = new BufferGauge("auto");
    const now = busy(gauge, 6, 1_000, 500);
    expect(gauge.size(50, now)).toBe(0);
  });

  it("is given up at the first long run of a task that used to be short", () => {
    const gauge = new BufferGauge("auto");
    const now = busy(gauge, 0.1, 1_000, 500);
    gauge.observe("t", 100, now);
    expect(gauge.size(50, now)).toBe(0);
  });

  it("outlasts a hiccup: one run of many that took a little longer", () => {
    const gauge = new BufferGauge("auto");
    const now = busy(gauge, 0.1, 1_000, 500);
    gauge.observe("t", 8, now);
    expect(gauge.size(50, now)).toBeGreaterThan(50);
    for (let run = 0; run < 3; run++) gauge.observe("t", 8, now);
    expect(gauge.size(50, now)).toBeLessThan(60);
    for (let run = 0; run < 20; run++) gauge.observe("t", 8, now);
    expect(gauge.size(50, now)).toBe(0);
  });

  it("is given up while a long task shares the lane, and comes back when it is gone for a second", () => {
    const gauge = new BufferGauge("auto");
    const now = busy(gauge, 0.1, 1_000, 500);
    gauge.observe("long", 100, now);
    expect(gauge.size(50, now)).toBe(0);
    expect(gauge.size(50, busy(gauge, 0.1, now + 10, 1_100))).toBeGreaterThan(0);
  });

  it("is given up for a second after something waited too long behind slots that finished nothing", () => {
    const gauge = new BufferGauge("auto");
    const now = busy(gauge, 0.1, 1_000, 500) + 50;
    gauge.sample(now);
    gauge.waitedTooLong(50, now);
    expect(gauge.size(50, now)).toBe(0);
    expect(gauge.size(50, busy(gauge, 0.1, now, 1_100))).toBeGreaterThan(0);
  });

  it("is halved when something waited too long although the slots went on", () => {
    const gauge = new BufferGauge("auto");
    const now = busy(gauge, 0.1, 1_000, 500, 10);
    expect(gauge.size(50, now)).toBe(200);
    gauge.waitedTooLong(50, now);
    expect(gauge.size(50, now)).toBe(100);
    expect(gauge.size(50, busy(gauge, 0.1, now + 10, 500, 10))).toBe(200);
  });

  it("is exactly what was asked for when it is a number", () => {
    expect(new BufferGauge(7).size(50, 0)).toBe(7);
  });
});
