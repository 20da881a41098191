import { expect, it } from "vitest";
import { Fifo } from "../../src/engine/fifo.ts";

it("keeps order through a long life of pushes, shifts, unshifts and extractions", () => {
  const fifo = new Fifo<number>();
  const model: number[] = [];
  let seed = 42;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed / 2_147_483_648;
  };
  for (let step = 0; step < 5_000; step++) {
    const dice = random();
    if (dice < 0.55) {
      fifo.push(step);
      model.push(step);
    } else if (dice < 0.97) expect(fifo.shift()).toBe(model.shift());
    else if (dice < 0.99) {
      fifo.unshift(-step);
      model.unshift(-step);
    } else {
      const odd = (item: number) => item % 7 === 1;
      expect(fifo.extract(odd)).toEqual(model.filter(odd));
      model.splice(0, model.length, ...model.filter((item) => !odd(item)));
    }
    expect(fifo.size).toBe(model.length);
    expect(fifo.peek()).toBe(model[0]);
  }
});
