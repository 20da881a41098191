import { describe, expect, it } from "vitest";
import { RenewedMap, RenewedSet } from "../../src/collections/renewed-map.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a map for what comes and goes", () => {
  it("keeps what is in it, in order, however much has gone", async () => {
    const map = new RenewedMap<number, string>();
    const set = new RenewedSet<number>();
    for (let round = 0; round < 20; round++) {
      for (let at = 0; at < 100; at++) {
        const key = round * 100 + at;
        map.set(key, `${key}`);
        set.add(key);
        if (at % 50 === 0) continue;
        expect(map.delete(key)).toBe(true);
        expect(set.delete(key)).toBe(true);
      }
      await turn();
    }
    const left = Array.from({ length: 40 }, (_, index) => index * 50);
    expect([...map]).toEqual(left.map((key) => [key, `${key}`]));
    expect([...set]).toEqual(left);
    expect(map.size).toBe(40);
    expect(map.get(50)).toBe("50");
    expect(map.delete(51)).toBe(false);
  });

  it("shows an iteration what is deleted meanwhile, as a Map does", () => {
    const map = new RenewedMap<number, number>();
    for (let key = 0; key < 1_000; key++) map.set(key, key);
    const seen: number[] = [];
    for (const value of map.values()) {
      seen.push(value);
      for (let key = value + 1; key < 900; key++) map.delete(key);
    }
    expect(seen).toEqual([0, ...Array.from({ length: 100 }, (_, index) => 900 + index)]);
  });
});
