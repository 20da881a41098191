/** Everything that is left to chance in a run comes from its seed, through here. */

import { createHash } from "node:crypto";

/** A stream of numbers that is always the same for the same name. Streams of different names have nothing to do with each other. */
export class Random {
  #state: number;

  constructor(name: string) {
    this.#state = createHash("sha256").update(name).digest().readUInt32LE(0);
  }

  /** In [0, 1). Mulberry32: small, and good enough to choose faults by. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** Whole, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  shuffled<T>(values: readonly T[]): T[] {
    const left = [...values];
    const drawn: T[] = [];
    while (left.length > 0) drawn.push(...left.splice(this.between(0, left.length - 1), 1));
    return drawn;
  }
}

/** A UUID that is always the same for the same name. */
export function uuidOf(name: string): string {
  const hex = createHash("sha256").update(name).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
