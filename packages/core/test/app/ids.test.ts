import { v5 as uuidv5, validate, version } from "uuid";
import { afterEach, describe, expect, it, vi } from "vitest";
import { isUuid, newId } from "../../src/app/ids.ts";

afterEach(() => {
  vi.useRealTimers();
});

const timeOf = (id: string) => Number.parseInt(id.replace("-", "").slice(0, 12), 16);

describe("newId", () => {
  it("makes UUIDs of version 7 that carry the time", () => {
    const before = Date.now();
    const ids = Array.from({ length: 5_000 }, newId);
    for (const id of ids) expect(validate(id) && version(id) === 7).toBe(true);
    expect(timeOf(ids[0] as string)).toBeGreaterThanOrEqual(before);
    expect(timeOf(ids.at(-1) as string)).toBeLessThanOrEqual(Date.now());
  });

  it("makes them ascend, within a millisecond and when the clock goes back", () => {
    vi.useFakeTimers({ now: Date.now() + 60_000 });
    const ids = [newId(), newId()];
    vi.setSystemTime(Date.now() - 3_600_000);
    for (let i = 0; i < 3_000; i++) ids.push(newId());
    vi.setSystemTime(Date.now() + 7_200_000);
    ids.push(newId());
    expect(ids).toEqual([...ids].sort());
    expect(new Set(ids).size).toBe(ids.length);
    expect(timeOf(ids.at(-1) as string)).toBe(Date.now());
  });

  it("leaves room for chance: every digit that may vary does", () => {
    vi.useFakeTimers({ now: 4_102_444_800_000 });
    const seen = Array.from({ length: 36 }, () => new Set<string>());
    for (let i = 0; i < 2_000; i++) {
      vi.advanceTimersByTime(1);
      for (const [at, digit] of [...newId()].entries()) seen[at]?.add(digit);
    }
    // After the version come 3 digits of the counter (the first half of its range), the variant, and 15 free ones.
    expect(seen.slice(15).map((digits) => digits.size)).toEqual([
      8,
      16,
      16,
      1,
      4,
      16,
      16,
      16,
      1,
      ...Array(12).fill(16),
    ]);
  });
});

describe("isUuid", () => {
  it("knows what the library knows", () => {
    const good = [newId(), uuidv5("x", uuidv5.URL), newId().toUpperCase()];
    const bad = ["", "order-17", `${newId()}0`, newId().replace("-", ""), undefined, 7];
    expect(good.map(isUuid)).toEqual(good.map(validate));
    expect(bad.map(isUuid)).toEqual(bad.map(validate));
  });
});
