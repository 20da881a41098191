import { describe, expect, it } from "vitest";
import { applyCredit, shareCredit } from "../../src/engine/credit.ts";
import type { PoolLane } from "../../src/engine/lanes.ts";

const idle = { weight: 1, hungry: false };
const hungry = { weight: 1, hungry: true };

describe("shares of a lane's credit", () => {
  it("gives everything to the only queue", () => {
    expect(shareCredit(10, [idle], 0)).toEqual([10]);
  });

  it("splits evenly while nobody has more work than its share", () => {
    expect(shareCredit(10, [idle, idle], 0)).toEqual([5, 5]);
  });

  it("moves what idle queues do not use to hungry ones, and leaves them one to be noticed by", () => {
    expect(shareCredit(10, [hungry, idle, idle], 0)).toEqual([8, 1, 1]);
  });

  it("divides by weight among the hungry", () => {
    expect(shareCredit(14, [{ weight: 3, hungry: true }, hungry, idle, idle], 0)).toEqual([9, 3, 1, 1]);
  });

  it("takes turns where there is less credit than queues", () => {
    expect(shareCredit(1, [idle, idle, idle], 0)).toEqual([1, 0, 0]);
    expect(shareCredit(1, [idle, idle, idle], 1)).toEqual([0, 1, 0]);
    expect(shareCredit(2, [idle, idle, idle], 2)).toEqual([1, 0, 1]);
  });

  it("never hands out more or less than there is", () => {
    for (let total = 0; total < 40; total++)
      for (let count = 1; count < 6; count++)
        for (let turn = 0; turn < 4; turn++) {
          const queues = Array.from({ length: count }, (_, index) => ({
            weight: 1 + (index % 3),
            hungry: index % 2 === 0,
          }));
          expect(shareCredit(total, queues, turn).reduce((sum, share) => sum + share, 0)).toBe(total);
        }
  });
});

describe("applying shares", () => {
  function lane(...queues: { credit: number; unsettled: number; hungry: boolean }[]) {
    const made = queues.map((queue) => ({
      ...queue,
      weight: 1,
      consumption: { unsettled: queue.unsettled, setCredit: () => {} },
    }));
    return { lane: { queues: made } as unknown as PoolLane, queues: made };
  }

  it("never lets the sum of what queues may hold exceed the total while one still holds more than its share", () => {
    const { lane: both, queues } = lane(
      { credit: 9, unsettled: 9, hungry: true },
      { credit: 1, unsettled: 1, hungry: true },
    );
    applyCredit(both, 10, 0);
    expect(queues.map((queue) => queue.credit)).toEqual([5, 1]);
    (queues[0] as { consumption: { unsettled: number } }).consumption.unsettled = 6;
    for (const queue of queues) queue.hungry = true;
    applyCredit(both, 10, 0);
    expect(queues.map((queue) => queue.credit)).toEqual([5, 4]);
  });
});
