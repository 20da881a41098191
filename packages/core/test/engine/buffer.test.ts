import { describe, expect, it } from "vitest";
import { BufferGauge } from "../../src/engine/buffer.ts";

function busy(gauge: BufferGauge, perMs: number, durationMs: number, from: number, forMs: number): number {
  for (let now = from; now < from + forMs; now += 50) {
    for (let run = 0; run < perMs * 50; run++) gauge.observe("t", durationMs, now);
    gauge.sample(now);
  }
  return from + forMs - 50;
}

describe("the automatic buffer", () => {
  it("is nothing until a task was measured", () => {
    expect(new BufferGauge("auto").size(1_000)).toBe(0);
  });

  it("covers 5 ms of work, doubled so that it can grow, for short tasks", () => {
    const gauge = new BufferGauge("auto");
    const now = busy(gauge, 40, 0.1, 1_000, 500);
    expect(gauge.size(now)).toBe(400);
  });

  it("is nothing for tasks longer than 5 ms", () => {
    const gauge = new BufferGauge("auto");
    const now = busy(gauge, 1, 6, 1_000, 500);
    expect(gauge.size(now)).toBe(0);
  });

  it("is given up at the first long run of a task that used to be short", () => {
    const gauge = new BufferGauge("auto");
    const now = busy(gauge, 40, 0.1, 1_000, 500);
    gauge.observe("t", 100, now);
    expect(gauge.size(now)).toBe(0);
  });

  it("is given up while a long task shares the lane, and comes back when it is gone for a second", () => {
    const gauge = new BufferGauge("auto");
    const now = busy(gauge, 40, 0.1, 1_000, 500);
    gauge.observe("long", 100, now);
    expect(gauge.size(now)).toBe(0);
    expect(gauge.size(busy(gauge, 40, 0.1, now + 50, 1_100))).toBeGreaterThan(0);
  });

  it("is given up for a second after something waited too long", () => {
    const gauge = new BufferGauge("auto");
    const now = busy(gauge, 40, 0.1, 1_000, 500);
    gauge.mute(now);
    expect(gauge.size(now)).toBe(0);
  });

  it("is exactly what was asked for when it is a number", () => {
    expect(new BufferGauge(7).size(0)).toBe(7);
  });
});
