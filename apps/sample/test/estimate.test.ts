import { describe, expect, it } from "vitest";
import { makespanMs, wrongPools } from "../src/estimate.ts";
import { latencyOf } from "../src/latency.ts";

describe("makespanMs", () => {
  it("is N·t/c, and never less than one task", () => {
    expect(makespanMs(1_000, 500, 50)).toBe(10_000);
    expect(makespanMs(3, 500, 50)).toBe(500);
    expect(makespanMs(0, 500, 50)).toBe(0);
  });
});

describe("wrongPools", () => {
  const [fewProcesses, manyProcesses, oneLoop] = wrongPools({
    fetches: 1_000,
    fetchMs: 200,
    indexings: 1_000,
    indexMs: 12,
    indexCpuMs: 10,
    slots: 200,
    processes: 2,
    processBytes: 20_000_000,
  });

  it("adds waiting and computing where processes do both", () => {
    expect(fewProcesses).toMatchObject({ ms: 106_000, bytes: 40_000_000 });
  });

  it("pays for waiting with memory where each wait has a process", () => {
    expect(manyProcesses).toMatchObject({ ms: 6_000, bytes: 4_000_000_000 });
  });

  it("computes on one core where all run on one loop", () => {
    expect(oneLoop).toMatchObject({ ms: 10_000, bytes: undefined });
  });
});

describe("latencyOf", () => {
  const latencies = Array.from({ length: 2_000 }, (_, index) => latencyOf(`document ${index}`, 150)).sort(
    (a, b) => a - b,
  );

  it("has the median that was asked for and a tail above it", () => {
    expect(latencies[1_000]).toBeGreaterThan(140);
    expect(latencies[1_000]).toBeLessThan(160);
    expect(latencies[1_980]).toBeGreaterThan(350);
    expect(latencies.at(-1)).toBeLessThanOrEqual(1_200);
  });

  it("is the same for the same document", () => {
    expect(latencyOf("a.md", 150)).toBe(latencyOf("a.md", 150));
  });
});
