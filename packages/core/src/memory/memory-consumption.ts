import type { Consumption, Delivery } from "../contracts/index.ts";
import type { MemoryDelivery } from "./memory-delivery.ts";
import type { MemoryQueue } from "./memory-queue.ts";

/** What a consumption needs of its broker. */
export interface ConsumptionHost {
  readonly closed: boolean;
  /** Stopped, and nothing of it is unsettled. */
  consumptionEnded(consumption: MemoryConsumption): void;
  /** Told once per queue and round of the event loop. */
  ownershipLost(queue: string, id: string): void;
  queueLost(queue: string): void;
}

/** open → (stop, queue destroyed, broker closed) stopped. Settling works in both. */
export class MemoryConsumption implements Consumption {
  readonly #queue: MemoryQueue;
  readonly #host: ConsumptionHost;
  readonly #onDeliveries: (batch: readonly Delivery[]) => void;
  readonly #held = new Set<MemoryDelivery>();
  #credit: number;
  #open = true;

  constructor(
    queue: MemoryQueue,
    host: ConsumptionHost,
    credit: number,
    onDeliveries: (batch: readonly Delivery[]) => void,
  ) {
    this.#queue = queue;
    this.#host = host;
    this.#credit = credit;
    this.#onDeliveries = onDeliveries;
    queue.consumptions.add(this);
    queue.wake();
  }

  get queue(): string {
    return this.#queue.name;
  }

  get unsettled(): number {
    return this.#held.size;
  }

  get hasCredit(): boolean {
    return this.#held.size < this.#credit;
  }

  get brokerClosed(): boolean {
    return this.#host.closed;
  }

  setCredit(credit: number): void {
    this.#credit = credit;
    if (this.#open) this.#queue.wake();
  }

  async stop(): Promise<void> {
    this.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Takes nothing more; what it holds stays held. */
  end(): void {
    this.#open = false;
    this.#queue.consumptions.delete(this);
    if (this.#held.size === 0) this.#host.consumptionEnded(this);
  }

  /** Counts against the credit from the moment it is taken, before it is handed over. */
  holds(delivery: MemoryDelivery): void {
    this.#held.add(delivery);
  }

  /** The batch arrives, unless the consumption was stopped since it was taken: then it goes back untouched. */
  receive(batch: readonly MemoryDelivery[]): void {
    if (!this.#open) {
      for (const delivery of batch) if (this.#held.has(delivery)) void delivery.release();
      return;
    }
    try {
      this.#onDeliveries(batch);
    } catch (error) {
      // A listener that throws breaks the contract: the process hears of it, the other consumptions do not suffer.
      process.nextTick(() => {
        throw error;
      });
    }
  }

  settled(delivery: MemoryDelivery): void {
    this.#held.delete(delivery);
    if (this.#open) this.#queue.wake();
    else if (this.#held.size === 0) this.#host.consumptionEnded(this);
  }

  lost(delivery: MemoryDelivery): void {
    this.settled(delivery);
    this.#host.ownershipLost(this.queue, delivery.message.id);
  }

  /** Stopped for good: nothing can come any more. */
  queueDestroyed(): void {
    this.end();
    this.#host.queueLost(this.queue);
  }

  /** What the broker does with unsettled deliveries when it closes: back to their places, unblamed, for others to take at once. */
  giveBackAll(): void {
    for (const delivery of [...this.#held]) delivery.surrender();
  }
}
