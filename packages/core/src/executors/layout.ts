/** How the slots of a pool are spread over its executors. */

import { ConfigurationError } from "../contracts/errors.ts";

/** A whole number of at least 1, or a `ConfigurationError` that names the pool. */
export function slotsOf(size: number, kind: string): number {
  if (Number.isInteger(size) && size >= 1) return size;
  throw new ConfigurationError(
    `a pool of kind "${kind}" cannot have ${size} slots; give a whole number of at least 1`,
    {
      subject: { kind, size },
    },
  );
}

/** `evenly(100, 3)` → 34, 33, 33; never an executor without a slot. */
export function evenly(size: number, executors: number): number[] {
  const count = Math.min(size, executors);
  return Array.from({ length: count }, (_, index) => Math.floor(size / count) + (index < size % count ? 1 : 0));
}
