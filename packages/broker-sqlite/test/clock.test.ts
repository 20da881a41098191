import { describe, expect, it } from "vitest";
import { REAP_GRACE_MS, SqliteClock } from "../src/sqlite-clock.ts";

class Hands {
  wallMs = 1_000_000;
  steadyMs = 0;
  readonly wall = (): number => this.wallMs;
  readonly steady = (): number => this.steadyMs;

  pass(ms: number): void {
    this.wallMs += ms;
    this.steadyMs += ms;
  }
}

describe("the clock", () => {
  it("follows the wall", () => {
    const hands = new Hands();
    const clock = new SqliteClock(hands);
    hands.pass(500);
    expect(clock.now()).toBe(1_000_500);
  });

  it("never goes back, and meets a wall that was set back without standing still", () => {
    const hands = new Hands();
    const clock = new SqliteClock(hands);
    hands.wallMs -= 600_000;
    const before = clock.now();
    hands.pass(10_000);
    expect(clock.now()).toBe(before + 9_000);
    hands.pass(6_000_000);
    expect(clock.now()).toBe(hands.wallMs);
  });

  it("is never ahead of the wall because the process was held while it read the time", () => {
    const hands = new Hands();
    let held = 0;
    const clock = new SqliteClock({
      wall: () => {
        const wall = hands.wall();
        hands.pass(held);
        return wall;
      },
      steady: hands.steady,
    });
    held = 500;
    clock.now();
    held = 0;
    hands.pass(100);
    expect(clock.now()).toBeLessThanOrEqual(hands.wallMs);
  });

  it("does not count twice what passed before another's time was seen", () => {
    const hands = new Hands();
    const clock = new SqliteClock(hands);
    hands.pass(5_000);
    clock.observe(hands.wallMs - 1_000);
    expect(clock.now()).toBe(hands.wallMs);
    hands.pass(10);
    expect(clock.now()).toBe(hands.wallMs);
  });

  it("notices a standstill whoever asks for the time first afterwards", () => {
    const hands = new Hands();
    const clock = new SqliteClock(hands);
    clock.beat();
    hands.pass(15_000);
    clock.now();
    expect(clock.mayReap()).toBe(false);
    clock.rest();
    hands.pass(15_000);
    clock.now();
    expect(clock.mayReap()).toBe(true);
  });

  it("agrees with a process that has seen a later time", () => {
    const hands = new Hands();
    const clock = new SqliteClock(hands);
    clock.observe(2_000_000);
    expect(clock.now()).toBe(2_000_000);
  });

  it("lets holders renew first after the process stood still", () => {
    const hands = new Hands();
    const clock = new SqliteClock(hands);
    clock.beat();
    hands.pass(25);
    clock.beat();
    expect(clock.mayReap()).toBe(true);
    hands.pass(15_000);
    clock.beat();
    expect(clock.mayReap()).toBe(false);
    expect(clock.reapInMs()).toBe(REAP_GRACE_MS);
    hands.pass(REAP_GRACE_MS);
    clock.beat();
    expect(clock.mayReap()).toBe(true);
  });

  it("lets holders renew first after the wall leapt: a suspended machine, or a corrected clock", () => {
    const hands = new Hands();
    const clock = new SqliteClock(hands);
    hands.wallMs += 60_000;
    clock.now();
    expect(clock.mayReap()).toBe(false);
  });
});
