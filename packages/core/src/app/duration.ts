/** Durations as people write them, in milliseconds as the engine counts them. */

import ms from "ms";
import { ConfigurationError } from "../contracts/errors.ts";
import type { Duration } from "../contracts/task.ts";

const WRITTEN = /^\d+(\.\d+)?(ms|s|m|h|d)$/;

/**
 * Milliseconds, rounded to whole ones. `what` names the option in the `ConfigurationError` for anything that is not a
 * {@link Duration} of 0 or more: `durationMs("5 min", "limits.soft")`.
 */
export function durationMs(value: Duration, what: string): number {
  const given: unknown = value;
  const result =
    typeof given === "number"
      ? given
      : typeof given === "string" && WRITTEN.test(given)
        ? ms(given as ms.StringValue)
        : Number.NaN;
  if (!(result >= 0 && result <= Number.MAX_SAFE_INTEGER)) {
    const shown = typeof given === "string" ? JSON.stringify(given) : String(given);
    throw new ConfigurationError(
      `${what} is ${shown}; give milliseconds (0 or more) or a number with one of the units ms, s, m, h, d: "250ms", "20s", "5m"`,
      { subject: { option: what } },
    );
  }
  return Math.round(result);
}

const UNITS = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "m"],
  [1_000, "s"],
] as const;

/** As an option would be written: in the largest unit of which it is a whole number. */
export function durationText(ms: number): Duration & string {
  const [size, unit] = UNITS.find(([each]) => ms >= each && ms % each === 0) ?? [1, "ms"];
  return `${ms / size}${unit}`;
}
