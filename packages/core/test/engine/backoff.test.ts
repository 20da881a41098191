import { describe, expect, it } from "vitest";
import { backoffMs } from "../../src/engine/backoff.ts";

const policy = { retryDelayMs: 100, retryFactor: 2, retryMaxDelayMs: 1_000, retryJitter: "none" } as const;

describe("backoff", () => {
  it("doubles with each attempt up to its cap", () => {
    expect([1, 2, 3, 4, 5, 50, 5_000].map((attempt) => backoffMs(policy, attempt, 0))).toEqual([
      100, 200, 400, 800, 1_000, 1_000, 1_000,
    ]);
  });

  it("is a uniform share of the delay with full jitter", () => {
    const full = { ...policy, retryJitter: "full" } as const;
    expect([0, 0.25, 0.999].map((random) => backoffMs(full, 3, random))).toEqual([0, 100, 400]);
  });
});
