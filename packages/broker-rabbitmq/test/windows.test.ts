import { describe, expect, test } from "vitest";
import { nextChange, type Window } from "../src/consuming/rabbitmq-windows.ts";

const open = (size: number, outstanding = size): Window => ({ size, outstanding, open: true });
const cancelled = (outstanding: number): Window => ({ size: outstanding, outstanding, open: false });

describe("the next change to a consumption's windows", () => {
  test.each<[string, readonly Window[], number, ReturnType<typeof nextChange>]>([
    ["nothing is wanted: nothing is done", [], 0, undefined],
    ["the first credit opens one", [], 5, { do: "open", size: 5 }],
    ["the same credit changes nothing", [open(5)], 5, undefined],
    ["more credit adds what is missing", [open(5)], 20, { do: "open", size: 15 }],
    ["less credit cancels the smallest that is enough", [open(10), open(3)], 11, { do: "cancel", window: open(3) }],
    ["or else the largest", [open(4), open(2)], 1, { do: "cancel", window: open(4) }],
    ["what a cancelled one was given counts", [cancelled(4)], 5, { do: "open", size: 1 }],
    ["until it is settled", [cancelled(4)], 4, undefined],
    ["too much outstanding of cancelled ones waits", [cancelled(4)], 1, undefined],
    ["none is left open without credit", [open(1, 0)], 0, { do: "cancel", window: open(1, 0) }],
    ["half a credit is none", [], 0.5, undefined],
  ])("%s", (_what, windows, credit, expected) => {
    expect(nextChange(windows, credit, false)).toEqual(expected);
  });

  test("with patience a little room opens no further consumer; a quarter does, and so does having none", () => {
    expect(nextChange([open(90), cancelled(9)], 100, true)).toBeUndefined();
    expect(nextChange([open(90), cancelled(9)], 100, false)).toEqual({ do: "open", size: 1 });
    expect(nextChange([open(60), cancelled(10)], 100, true)).toEqual({ do: "open", size: 30 });
    expect(nextChange([cancelled(99)], 100, true)).toEqual({ do: "open", size: 1 });
  });

  test("many small ones are merged", () => {
    const small = Array.from({ length: 8 }, (_, index) => open(index + 1));
    expect(nextChange(small, 40, false)).toEqual({ do: "cancel", window: small[0] });
  });

  test("whatever happens, what is promised never exceeds the credit for longer than its holders take to settle", () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % below;
    };
    type State = { size: number; outstanding: number; open: boolean };
    let windows: State[] = [];
    let credit = 0;
    for (let step = 0; step < 20_000; step += 1) {
      if (random(10) === 0) credit = random(50);
      const change = nextChange(windows, credit, random(2) === 0);
      const promised = (): number => windows.reduce((sum, w) => sum + (w.open ? w.size : w.outstanding), 0);
      if (change?.do === "open") {
        windows.push({ size: change.size, outstanding: 0, open: true });
        expect(promised()).toBeLessThanOrEqual(credit);
      } else if (change?.do === "cancel") change.window.open = false;
      else if (promised() > credit) expect(windows.every((window) => !window.open)).toBe(true);
      for (const window of windows) {
        if (window.open && random(3) === 0) window.outstanding = Math.min(window.size, window.outstanding + random(5));
        if (random(3) === 0) window.outstanding = Math.max(0, window.outstanding - random(5));
      }
      windows = windows.filter((window) => window.open || window.outstanding > 0);
      expect(windows.filter((window) => window.open).length).toBeLessThanOrEqual(8);
    }
  });
});
