/** Executors that end at once, or cannot start, are replaced ever more slowly; one that finishes a task ends the series. */

const FIRST_MS = 200;
const LONGEST_MS = 30_000;
/** An executor that lived longer did not die of being started. */
const SETTLED_MS = 10_000;

export class StartBackoff {
  #failures = 0;
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  served(): void {
    this.#failures = 0;
  }

  /** How long to wait before a replacement of an executor that could not start, in ms. */
  startFailed(): number {
    return this.#next(++this.#failures);
  }

  /** The same for one that ended by itself. The first crash of a series is replaced at once. */
  crashed(livedMs: number, finished: number): number {
    if (livedMs >= SETTLED_MS || finished > 0) this.#failures = 0;
    return this.#next(this.#failures++);
  }

  /** Half fixed, half random. */
  #next(failures: number): number {
    if (failures === 0) return 0;
    const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1));
    return Math.round(ceiling * (0.5 + 0.5 * this.#random()));
  }
}
