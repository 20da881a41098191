import { afterEach, expect, test, vi } from "vitest";
import { Alarm } from "../../src/memory/alarm.ts";
import { systemClock } from "../../src/memory/index.ts";
import { manualClock } from "../../src/testing/index.ts";

afterEach(() => vi.useRealTimers());

test("the system clock waits longer than 2^31 ms", () => {
  vi.useFakeTimers({ now: 0 });
  const days = 60 * 24 * 3_600_000;
  const run = vi.fn();
  systemClock.at(days, run, false);
  vi.advanceTimersByTime(days - 1);
  expect(run).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(run).toHaveBeenCalledOnce();
  expect(vi.getTimerCount()).toBe(0);
});

test("the system clock notices within a minute that the wall clock was set forward", () => {
  vi.useFakeTimers({ now: 0 });
  const run = vi.fn();
  systemClock.at(10 * 3_600_000, run, false);
  vi.setSystemTime(11 * 3_600_000);
  vi.advanceTimersByTime(60_000);
  expect(run).toHaveBeenCalledOnce();
});

test("what was called off is not run", () => {
  vi.useFakeTimers({ now: 0 });
  const run = vi.fn();
  const callOff = systemClock.at(100_000, run, true);
  vi.advanceTimersByTime(90_000);
  callOff();
  vi.advanceTimersByTime(90_000);
  expect(run).not.toHaveBeenCalled();
});

test("an alarm rings once, for the earliest instant asked, and can be set again when it rings", () => {
  const clock = manualClock(0);
  const rung: number[] = [];
  const alarm = new Alarm(
    clock,
    () => {
      rung.push(clock.now());
      if (rung.length === 1) alarm.by(500);
    },
    { keepAlive: false },
  );
  for (const instant of [300, 100, 200, 100]) alarm.by(instant);
  clock.advance(1_000);
  expect(rung).toEqual([100, 500]);
  alarm.by(2_000);
  alarm.silence();
  clock.advance(5_000);
  expect(rung).toHaveLength(2);
});
