import { bandsInTurn } from "@lovage/core/brokers";
import { describe, expect, test } from "vitest";
import { nextStep, type Plan, planned, type Situation } from "../src/consuming/rabbitmq-bands.ts";
import type { Window } from "../src/consuming/rabbitmq-windows.ts";

const open = (size: number, outstanding = size): Window => ({ size, outstanding, open: true });
const closed = (outstanding: number): Window => ({ size: outstanding, outstanding, open: false });

const HIGHEST = [0, 1, 2];
const LOWEST = [2, 0, 1];

describe("what a look at the bands leads to", () => {
  const none = [[], [], []];

  test.each<[string, readonly number[], number, readonly number[], Partial<Plan>]>([
    [
      "nothing waits: each band has room for its next message",
      [0, 0, 0],
      10,
      HIGHEST,
      { is: "watching", shares: [4, 3, 3] },
    ],
    ["with little room each has one all the same", [0, 0, 0], 1, HIGHEST, { is: "watching", shares: [1, 1, 1] }],
    ["all that wait fit: the rest is shared", [2, 0, 1], 9, HIGHEST, { is: "watching", shares: [4, 2, 3] }],
    [
      "the highest that has enough is favoured",
      [0, 50, 50],
      10,
      HIGHEST,
      { is: "flowing", favoured: 1, grants: [0, 0, 0] },
    ],
    [
      "higher ones with a few are given those",
      [3, 2, 50],
      10,
      HIGHEST,
      { is: "flowing", favoured: 2, grants: [3, 2, 0] },
    ],
    ["so is a lower one in its turn", [50, 2, 3], 10, LOWEST, { is: "flowing", favoured: 0, grants: [0, 0, 3] }],
    ["the lowest may be favoured in its turn", [50, 50, 50], 1, LOWEST, { is: "flowing", favoured: 2 }],
  ])("%s", (_what, waiting, credit, order, expected) => {
    expect(planned(none, waiting, credit, order)).toMatchObject(expected);
  });

  test("what is unsettled is part of a band's share", () => {
    expect(planned([[open(4)], [], [closed(2)]], [0, 0, 0], 12, HIGHEST)).toMatchObject({
      is: "watching",
      shares: [6, 2, 4],
    });
  });
});

describe("the next step", () => {
  const situation = (changes: Partial<Situation<Window>>): Situation<Window> => ({
    plan: { is: "parked" },
    bands: [[], [], []],
    credit: 4,
    patient: false,
    arrived: 0,
    over: false,
    ...changes,
  });
  const flowing: Plan = { is: "flowing", favoured: 2, grants: [1, 0, 0], counted: 100, credit: 4 };
  const watching: Plan = { is: "watching", shares: [1, 1, 2], credit: 4 };

  test("room is looked at before anybody has it", () => {
    expect(nextStep(situation({}))).toEqual({ do: "look" });
  });

  test("without room nobody is looked at, and parked consumers are closed", () => {
    expect(nextStep(situation({ bands: [[], [], [closed(4)]] }))).toBeUndefined();
    expect(nextStep(situation({ bands: [[], [], [open(4)]] }))).toMatchObject({ do: "cancel", band: 2 });
  });

  test("the favoured band has what the others leave, and those after it nothing", () => {
    const bands = [[open(1, 0)], [closed(1)], [open(1)]];
    expect(nextStep(situation({ plan: flowing, bands }))).toEqual({ do: "open", band: 2, size: 1 });
    const other: Plan = { ...flowing, favoured: 1 };
    expect(nextStep(situation({ plan: other, bands: [[], [open(2, 1)], [open(1)]] }))).toMatchObject({
      do: "cancel",
      band: 2,
    });
  });

  test("what is granted to others is not the favoured band's", () => {
    const plan: Plan = { ...flowing, favoured: 0, grants: [0, 2, 3], credit: 10 };
    expect(nextStep(situation({ plan, credit: 10 }))).toEqual({ do: "open", band: 0, size: 5 });
  });

  test("what is left of a band that had more counts before anything is opened", () => {
    const plan: Plan = { is: "watching", shares: [3, 2, 2], credit: 7 };
    const bands = [[], [], [closed(6)]];
    expect(nextStep(situation({ plan, bands, credit: 7 }))).toEqual({ do: "open", band: 0, size: 1 });
  });

  test("with less credit than is unsettled, full consumers are closed before they are given more", () => {
    const bands = [[], [], [open(4)]];
    expect(nextStep(situation({ plan: flowing, bands, credit: 3 }))).toMatchObject({ do: "cancel", band: 2 });
  });

  test("when what was counted has come, or the turn is over, there is another look", () => {
    const bands = [[], [], [open(4, 2)]];
    expect(nextStep(situation({ plan: flowing, bands, arrived: 100 }))).toEqual({ do: "look" });
    expect(nextStep(situation({ plan: flowing, bands, over: true }))).toEqual({ do: "look" });
  });

  test("with another credit there is another look; a little more waits for more", () => {
    const bands = [[open(1, 0)], [open(1, 0)], [open(2, 1)]];
    expect(nextStep(situation({ plan: flowing, bands, credit: 3 }))).toEqual({ do: "look" });
    expect(nextStep(situation({ plan: watching, bands, credit: 3 }))).toEqual({ do: "look" });
    expect(nextStep(situation({ plan: watching, bands, credit: 5 }))).toEqual({ do: "look" });
    expect(nextStep(situation({ plan: watching, bands, credit: 5, patient: true }))).toBeUndefined();
    expect(nextStep(situation({ plan: watching, bands, credit: 8, patient: true }))).toEqual({ do: "look" });
  });

  test("who watches does nothing while every band has room", () => {
    expect(nextStep(situation({ plan: watching, bands: [[open(1, 0)], [open(1, 0)], [open(2, 1)]] }))).toBeUndefined();
    expect(nextStep(situation({ plan: watching, bands: [[open(1, 0)], [open(1, 0)], [open(2)]] }))).toEqual({
      do: "look",
    });
  });

  test("what watches for more than there is room for is closed when there is none", () => {
    const plan: Plan = { is: "watching", shares: [1, 1, 4], credit: 4 };
    const bands = [[open(1, 0)], [open(1, 0)], [open(4)]];
    expect(nextStep(situation({ plan, bands }))).toMatchObject({ do: "cancel", band: 1 });
    expect(nextStep(situation({ plan, bands: [[], [], [open(4)]] }))).toEqual({ do: "fill" });
  });
});

/** A server and a worker that do what they do at random: every message is in its band's queue, or unsettled. */
class Model {
  readonly waiting: number[];
  windows: { band: number; size: number; outstanding: number; open: boolean }[] = [];
  credit: number;
  plan: Plan = { is: "parked" };
  arrived = 0;
  over = false;
  surplus = 0;

  constructor(bands: number, credit: number) {
    this.waiting = new Array<number>(bands).fill(0);
    this.credit = credit;
  }

  get bands(): Window[][] {
    return this.waiting.map((_, band) => this.windows.filter((window) => window.band === band));
  }

  get owned(): number {
    return this.windows.reduce((sum, { outstanding }) => sum + outstanding, 0);
  }

  get promised(): number {
    return this.windows.reduce((sum, window) => sum + (window.open ? window.size : window.outstanding), 0);
  }

  /** The server pushes what it may. What comes beyond the credit goes back. */
  push(random: (below: number) => number): boolean {
    const hungry = this.windows.filter(
      ({ band, open: isOpen, size, outstanding }) => isOpen && outstanding < size && (this.waiting[band] ?? 0) > 0,
    );
    const window = hungry[random(hungry.length)];
    if (window === undefined) return false;
    if (this.owned >= this.credit) {
      this.surplus += 1;
      window.open = false;
      return true;
    }
    this.waiting[window.band] = (this.waiting[window.band] ?? 0) - 1;
    window.outstanding += 1;
    this.arrived += 1;
    return true;
  }

  settle(random: (below: number) => number): void {
    const held = this.windows.filter(({ outstanding }) => outstanding > 0);
    const window = held[random(held.length)];
    if (window !== undefined) window.outstanding -= 1;
  }

  step(patient: boolean, order: readonly number[]): boolean {
    this.windows = this.windows.filter(({ open: isOpen, outstanding }) => isOpen || outstanding > 0);
    const { plan, bands, credit, arrived, over } = this;
    const step = nextStep({ plan, bands, credit, patient, arrived, over });
    if (step === undefined) return false;
    if (step.do === "cancel") (step.window as { open: boolean }).open = false;
    else if (step.do === "open") this.windows.push({ band: step.band, size: step.size, outstanding: 0, open: true });
    else {
      this.plan = step.do === "fill" ? { is: "full" } : planned(this.bands, this.waiting, this.credit, order);
      this.over = false;
      this.arrived = 0;
    }
    return true;
  }
}

describe.each([
  [2, 40],
  [3, 6],
  [10, 40],
])("whatever happens to %s bands with a credit of up to %s", (bands, most) => {
  let seed = 11 * bands + most;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return below === 0 ? 0 : seed % below;
  };

  test("no more is owned than the credit, no more promised but by who watches, and at rest nothing waits while there is room", () => {
    const model = new Model(bands, 1 + random(most));
    for (let round = 0; round < 3_000; round += 1) {
      if (random(20) === 0) model.credit = random(most + 1);
      for (let event = random(30); event > 0; event -= 1) {
        const kind = random(5);
        const owned = model.owned;
        if (kind === 0) model.waiting[random(bands)] = (model.waiting[random(bands)] ?? 0) + random(4);
        else if (kind === 1) model.push(random);
        else if (kind === 2) model.settle(random);
        else model.step(random(2) === 0, bandsInTurn(random(64), bands));
        expect(model.owned).toBeLessThanOrEqual(Math.max(model.credit, owned));
      }
      // Left alone it comes to rest: a turn ends, patience too.
      if (random(3) > 0) continue;
      model.over = model.plan.is === "flowing";
      let moves = 0;
      while (model.push(random) || model.step(false, bandsInTurn(random(64), bands))) {
        moves += 1;
        expect(moves).toBeLessThan(2_000);
      }
      // Only who has room for fewer than there are bands watches for more.
      const watched = model.plan.is === "watching" ? model.credit + bands - 1 : 0;
      expect(model.promised).toBeLessThanOrEqual(Math.max(model.credit, model.owned, watched));
      if (model.owned >= model.credit) continue;
      expect(model.waiting).toEqual(new Array(bands).fill(0));
      for (const windows of model.bands)
        expect(windows.some((window) => window.open && window.outstanding < window.size)).toBe(true);
    }
    expect(model.surplus).toBeLessThan(3_000);
  });
});
