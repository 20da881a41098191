/** Batching without waiting: what is asked in one tick leaves at its end. */

/** Calls back when the microtasks of the present tick are done, those that they started included. */
function endOfTick(callback: () => void): void {
  queueMicrotask(() => process.nextTick(callback));
}

/**
 * Gathers entries into one flush. The first of a loop iteration leaves at the end of its tick, so a lone entry never waits; what
 * follows in the same iteration (hundreds of timers that fire together) leaves together when the iteration ends.
 */
export class Coalescer {
  readonly #flush: () => void;
  #state: "idle" | "scheduled" | "flushed" = "idle";
  #again = false;

  constructor(flush: () => void) {
    this.#flush = flush;
  }

  request(): void {
    if (this.#state === "idle") {
      this.#state = "scheduled";
      endOfTick(this.#first);
    } else if (this.#state === "flushed") this.#again = true;
  }

  readonly #first = (): void => {
    this.#state = "flushed";
    setImmediate(this.#rest);
    this.#flush();
  };

  readonly #rest = (): void => {
    this.#state = "idle";
    if (!this.#again) return;
    this.#again = false;
    this.#flush();
  };
}
