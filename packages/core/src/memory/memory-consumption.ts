import { type ConsumptionTerms, type Feed, HeldConsumption } from "../brokers/index.ts";
import type { Entry } from "./entry.ts";
import type { MemoryQueue } from "./memory-queue.ts";

/** What a queue hands out to. It is among the queue's feeds for as long as it wants something. */
export class MemoryFeed implements Feed {
  readonly consumption: HeldConsumption<Entry>;
  readonly #queue: MemoryQueue;

  constructor(terms: ConsumptionTerms<Entry>, queue: MemoryQueue) {
    this.consumption = new HeldConsumption(terms, this);
    this.#queue = queue;
    queue.feeds.add(this);
    queue.wake();
  }

  roomChanged(): void {
    this.#queue.wake();
  }

  end(): void {
    this.#queue.feeds.delete(this);
  }
}
