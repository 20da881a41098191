import { ConfigurationError } from "@lovage/core/contracts";

export function parseWholeNumber(text: string, flag: string, bounds: { min: number; max?: number }): number {
  const value = Number(text);
  if (!/^\d+$/.test(text.trim()) || value < bounds.min || value > (bounds.max ?? Number.MAX_SAFE_INTEGER)) {
    const range = bounds.max === undefined ? `from ${bounds.min}` : `from ${bounds.min} to ${bounds.max}`;
    throw new ConfigurationError(`${flag}: "${text}" is not a whole number ${range}`);
  }
  return value;
}
