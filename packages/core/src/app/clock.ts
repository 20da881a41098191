/** The wall clock with fractions of a millisecond. */

const MAX_DRIFT_MS = 20;
let offset = Date.now() - performance.now();

/** ms since the epoch, with fractions. Follows the machine's wall clock when that is set, within 20 ms. */
export function nowMs(): number {
  const monotonic = performance.now();
  const wall = Date.now();
  if (Math.abs(offset + monotonic - wall) > MAX_DRIFT_MS) offset = wall - monotonic;
  return offset + monotonic;
}
