import { MAX_PRIORITY, MIN_PRIORITY } from "../contracts/index.ts";
import type { Entry } from "./entry.ts";
import { Heap } from "./heap.ts";
import { Line } from "./line.ts";

/**
 * The messages of one priority, by position. New ones have the highest position so far and join a line; ones that were given back
 * have an earlier position and wait in a heap. The next is the earlier of the two heads.
 */
class Band {
  readonly line: Line<Entry> = new Line<Entry>();
  readonly returned: Heap<Entry> = new Heap<Entry>((a, b) => a.position < b.position);

  next(): Entry | undefined {
    const returned = this.returned.peek();
    const first = this.line.first;
    if (returned === undefined) return first;
    return first === undefined || returned.position < first.position ? returned : first;
  }
}

/** Strict priorities, first in first out within one, and a message that is given back keeps its place. */
export class ReadyMessages {
  readonly #bands: readonly Band[] = Array.from({ length: MAX_PRIORITY - MIN_PRIORITY + 1 }, () => new Band());
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** To the end of its band; its position must be higher than any before. */
  append(entry: Entry): void {
    this.#band(entry).line.join(entry);
    this.#size += 1;
  }

  /** To its old place. */
  giveBack(entry: Entry): void {
    this.#band(entry).returned.push(entry);
    this.#size += 1;
  }

  remove(entry: Entry): void {
    const band = this.#band(entry);
    if (entry.heapIndex >= 0) band.returned.remove(entry);
    else band.line.leave(entry);
    this.#size -= 1;
  }

  /** Takes the next out. */
  shift(): Entry | undefined {
    if (this.#size === 0) return undefined;
    for (let priority = MAX_PRIORITY; priority >= MIN_PRIORITY; priority -= 1) {
      const entry = (this.#bands[priority - MIN_PRIORITY] as Band).next();
      if (entry === undefined) continue;
      this.remove(entry);
      return entry;
    }
    return undefined;
  }

  /** Since when the one that has waited longest is ready. Lines are in that order too; what was given back is looked through. */
  oldestAt(): number | undefined {
    let oldest: number | undefined;
    for (const { line, returned } of this.#bands) {
      if (line.first !== undefined) oldest = Math.min(oldest ?? line.first.at, line.first.at);
      for (const { at } of returned.values()) oldest = Math.min(oldest ?? at, at);
    }
    return oldest;
  }

  *[Symbol.iterator](): Iterator<Entry> {
    for (const { line, returned } of this.#bands) {
      yield* line;
      yield* [...returned.values()];
    }
  }

  #band(entry: Entry): Band {
    return this.#bands[entry.message.priority - MIN_PRIORITY] as Band;
  }
}
