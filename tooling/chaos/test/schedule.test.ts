import { describe, expect, it } from "vitest";
import { signalFaults } from "../src/fault-kinds.ts";
import { commandOf, parseCommandLine, scheduleOf } from "../src/options.ts";
import { plannedTask } from "../src/plan.ts";
import { printedSchedule, schedule } from "../src/schedule.ts";

const REQUEST = {
  seed: 7,
  kinds: [...signalFaults(3_000), { name: "lock", aims: "broker", forMs: [200, 4_500], does: "" } as const],
  durationMs: 60_000,
  everyMs: 1_000,
  workers: 3,
  producers: 2,
};

describe("a schedule", () => {
  it("is the same for the same seed, and another for another", () => {
    expect(schedule(REQUEST)).toEqual(schedule(REQUEST));
    expect(schedule({ ...REQUEST, seed: 8 })).not.toEqual(schedule(REQUEST));
  });

  it("does not change unnoticed between versions: seed 7 begins as it always did", () => {
    expect(printedSchedule(schedule(REQUEST).slice(0, 4))).toMatchInlineSnapshot(`
      "faults:
          1     0.50 s  term       worker 1     1055 ms
          2     1.22 s  lock       the broker   4286 ms
          3     2.80 s  producer   producer 0    773 ms
          4     4.30 s  kill       worker 0     1024 ms"
    `);
  });

  it("has every kind of fault, each about as often as the others", () => {
    const faults = schedule({ ...REQUEST, durationMs: 600_000 });
    for (const { name } of REQUEST.kinds) {
      const share = faults.filter(({ kind }) => kind === name).length / faults.length;
      expect(share, name).toBeGreaterThan(0.1);
      expect(share, name).toBeLessThan(0.35);
    }
  });

  it("strikes all targets, and none that is still struck", () => {
    const faults = schedule({ ...REQUEST, everyMs: 300 });
    const workers = faults.filter(({ aims }) => aims === "worker");
    expect(new Set(workers.map(({ target }) => target))).toEqual(new Set([0, 1, 2]));
    for (const aims of ["worker", "producer", "broker"]) {
      for (const target of [0, 1, 2]) {
        const mine = faults.filter((fault) => fault.aims === aims && fault.target === target);
        mine.slice(1).forEach((fault, place) => {
          const before = mine[place] as (typeof mine)[number];
          expect(fault.atMs).toBeGreaterThanOrEqual(before.atMs + before.forMs);
        });
      }
    }
  });

  it("ends with the run, and is empty without kinds", () => {
    expect(Math.max(...schedule(REQUEST).map(({ atMs }) => atMs))).toBeLessThanOrEqual(REQUEST.durationMs);
    expect(schedule({ ...REQUEST, kinds: [] })).toEqual([]);
  });
});

describe("a task", () => {
  it("is the same for the same seed and index, with an id of its own", () => {
    const mix = { seed: 7, poisonEvery: 100 };
    const tasks = Array.from({ length: 1_000 }, (_, index) => plannedTask(mix, index));
    expect(tasks).toEqual(Array.from({ length: 1_000 }, (_, index) => plannedTask(mix, index)));
    expect(new Set(tasks.map(({ id }) => id)).size).toBe(1_000);
    expect(plannedTask({ ...mix, seed: 8 }, 0).id).not.toBe(tasks[0]?.id);
  });

  it("is poison once in so many, and of every kind otherwise", () => {
    const tasks = Array.from({ length: 1_000 }, (_, index) => plannedTask({ seed: 7, poisonEvery: 100 }, index));
    expect(tasks.filter(({ kind }) => kind === "poison").length).toBe(10);
    expect(new Set(tasks.map(({ kind }) => kind)).size).toBe(7);
    const clean = Array.from({ length: 1_000 }, (_, index) => plannedTask({ seed: 7, poisonEvery: 0 }, index));
    expect(clean.some(({ kind }) => kind === "poison")).toBe(false);
  });
});

describe("the command line", () => {
  it("chooses a seed where none is given, and the command it prints makes the same schedule", () => {
    const { options } = parseCommandLine(["--minutes", "0.5", "--faults", "kill,lock", "--workers", "2"]);
    const again = parseCommandLine(commandOf(options).split(" ").slice(2)).options;
    expect(again.seed).toBe(options.seed);
    expect(scheduleOf(again)).toEqual(scheduleOf(options));
    expect(scheduleOf(options).length).toBeGreaterThan(0);
  });

  it.each([
    [["--broker", "carrier-pigeon"], /there is a rig for sqlite/],
    [["--faults", "kill,locusts"], /"?locusts"?: this broker knows kill/],
    [["--broker", "spool", "--faults", "lock"], /lock: this broker knows kill/],
    [["--tasks", "0"], /at least 1/],
    [["--workers", "1.5"], /whole number/],
    [["--seeds", "7"], /seeds/],
  ])("says what is wrong with %j", (args, says) => {
    expect(() => parseCommandLine(args)).toThrow(says);
  });
});
