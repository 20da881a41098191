import { ConfigurationError } from "@lovage/core/contracts";

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * `"250ms"`, `"20s"`, `"1.5h"` → ms. A number without a unit is refused, since people mean seconds and programs milliseconds; 0 needs
 * none.
 */
export function parseDuration(text: string, flag: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/i.exec(text.trim());
  if (match === null) {
    throw new ConfigurationError(`${flag}: "${text}" is not a duration; write 500ms, 20s, 5m, 2h or 7d`);
  }
  const [, digits = "", unit] = match;
  const value = Number(digits);
  if (unit === undefined) {
    if (value === 0) return 0;
    throw new ConfigurationError(`${flag}: "${text}" has no unit; write ${text}s, ${text}ms or ${text}m`);
  }
  return Math.round(value * (UNIT_MS[unit.toLowerCase()] ?? 1));
}
