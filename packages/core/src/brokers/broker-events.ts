import type { BrokerEvent } from "../contracts/index.ts";

/** The listeners of one broker. What is lost together is told in one event per queue. */
export class BrokerEvents {
  readonly #listeners = new Set<(event: BrokerEvent) => void>();
  readonly #lost = new Map<string, string[]>();
  #closed = false;

  /** Returns the function that ends it. */
  on(listener: (event: BrokerEvent) => void): () => void {
    // Its own, so that the same function given twice is two listeners.
    const own = (event: BrokerEvent): void => listener(event);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Tells everybody, also when one of them throws: the process hears of that. Nothing is told once closed. */
  emit(event: BrokerEvent): void {
    if (this.#closed) return;
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        process.nextTick(() => {
          throw error;
        });
      }
    }
  }

  /** Told at the end of this turn, for all that are found lost in it. Abort their `lost` signals first. */
  ownershipLost(queue: string, id: string): void {
    if (this.#closed) return;
    if (this.#lost.size === 0) setImmediate(() => this.#tellLost());
    const ids = this.#lost.get(queue);
    if (ids === undefined) this.#lost.set(queue, [id]);
    else ids.push(id);
  }

  close(): void {
    this.#closed = true;
    this.#listeners.clear();
  }

  #tellLost(): void {
    const lost = [...this.#lost];
    this.#lost.clear();
    for (const [queue, ids] of lost) this.emit({ type: "ownership-lost", queue, ids });
  }
}
