import { ConfigurationError } from "@lovage/core/contracts";

const UNIT_BYTES: Readonly<Record<string, number>> = { b: 1, kb: 1_024, mb: 1_024 ** 2, gb: 1_024 ** 3 };

/** `"512mb"`, `"1.5gb"` → bytes, in powers of 1,024. A number without a unit is refused. */
export function parseByteSize(text: string, flag: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(b|kb|mb|gb)$/i.exec(text.trim());
  if (match === null) {
    throw new ConfigurationError(`${flag}: "${text}" is not a size in bytes; write 256mb, 1.5gb or 65536b`);
  }
  return Math.round(Number(match[1]) * (UNIT_BYTES[(match[2] ?? "b").toLowerCase()] ?? 1));
}
