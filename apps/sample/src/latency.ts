/** How long a distant server would take for a request: log-normal, as most real latencies are (many near the median, a long tail). */

import { createHash } from "node:crypto";

const SPREAD = 0.5;
const LONGEST = 8;

/** In ms, around `medianMs`, never above eight times that. Depends on `key` only, so that two runs wait for the same document equally long. */
export function latencyOf(key: string, medianMs: number): number {
  const digest = createHash("sha256").update(key).digest();
  const uniform = (offset: number) => (digest.readUInt32BE(offset) + 0.5) / 2 ** 32;
  const normal = Math.sqrt(-2 * Math.log(uniform(0))) * Math.cos(2 * Math.PI * uniform(4));
  return medianMs * Math.min(LONGEST, Math.exp(SPREAD * normal));
}

/** True for about `share` of all keys, and always for the same ones. */
export function isUnlucky(key: string, share: number): boolean {
  return createHash("sha256").update(`unlucky ${key}`).digest().readUInt32BE(0) / 2 ** 32 < share;
}
