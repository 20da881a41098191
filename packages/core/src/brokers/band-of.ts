import { MAX_PRIORITY } from "../contracts/index.ts";

/** As many bands as there are priorities. */
export const MOST_BANDS: number = MAX_PRIORITY + 1;

/**
 * For brokers whose server orders nothing inside a queue and that divide the priorities into `bands`: 0 is the band of the highest
 * priorities, `bands - 1` that of the lowest. Every band is used.
 */
export function bandOf(priority: number, bands: number): number {
  return Math.floor(((MAX_PRIORITY - priority) * bands) / MOST_BANDS);
}
