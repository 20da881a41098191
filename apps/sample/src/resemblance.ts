/**
 * How alike two documents are, by MinHash (Broder, "On the resemblance and containment of documents", 1997): of all runs of five
 * words, the smallest value under each of 48 hash functions. The share of equal values estimates the share of common runs.
 */

const RUN = 5;
const HASHES = 48;
const MULTIPLIERS = Array.from({ length: HASHES }, (_, index) => Math.imul(index + 1, 0x9e3779b1) | 1);

/** The signature of a sequence of words: 48 unsigned 32-bit numbers. Equal sequences have equal signatures. */
export function signatureOf(terms: readonly string[]): number[] {
  const smallest = new Uint32Array(HASHES).fill(0xffffffff);
  for (let start = 0; start < Math.max(1, terms.length - RUN + 1); start++) {
    const run = hash(terms.slice(start, start + RUN).join(" "));
    for (let index = 0; index < HASHES; index++) {
      const value = mix(Math.imul(run ^ index, MULTIPLIERS[index] as number));
      if (value < (smallest[index] as number)) smallest[index] = value;
    }
  }
  return [...smallest];
}

/** Between 0 (nothing in common) and 1 (the same). */
export function resemblance(one: readonly number[], other: readonly number[]): number {
  return one.reduce((equal, value, index) => equal + (value === other[index] ? 1 : 0), 0) / HASHES;
}

/** FNV-1a over UTF-16 code units. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value;
}

function mix(value: number): number {
  const folded = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  return (folded ^ (folded >>> 13)) >>> 0;
}
