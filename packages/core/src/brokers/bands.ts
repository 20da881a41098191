import { MAX_PRIORITY } from "../contracts/index.ts";

/** As many bands as there are priorities. */
export const MOST_BANDS: number = MAX_PRIORITY + 1;

/** Every so often a lower band goes first. */
const TURNED_EVERY = 8;

/**
 * For brokers whose server orders nothing inside a queue and that divide the priorities into `bands`: 0 is the band of the highest
 * priorities, `bands - 1` that of the lowest. Every band is used.
 */
export function bandOf(priority: number, bands: number): number {
  return Math.floor(((MAX_PRIORITY - priority) * bands) / MOST_BANDS);
}

/**
 * In which order to serve the bands in the `turn`-th turn, counted from 1: the highest first, but that in every eighth turn one of the lower
 * ones goes before, each after the other, so that all get on while others never run dry.
 */
export function bandsInTurn(turn: number, bands: number): readonly number[] {
  const order = Array.from({ length: bands }, (_, band) => band);
  if (bands === 1 || turn % TURNED_EVERY !== 0) return order;
  const first = 1 + ((turn / TURNED_EVERY - 1) % (bands - 1));
  return [first, ...order.filter((band) => band !== first)];
}
