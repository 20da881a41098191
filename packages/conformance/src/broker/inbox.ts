import { type Consumption, type Delivery, isLovageError } from "@lovage/core/contracts";
import type { Tolerance } from "../tolerance.ts";

type OnDelivery = (delivery: Delivery) => void;

/** What one consumption has received, and a way to wait for more. */
export class Inbox {
  readonly deliveries: Delivery[] = [];
  /** How many arrived in each batch. */
  readonly batches: number[] = [];
  readonly #tolerance: Tolerance;
  readonly #onDelivery: OnDelivery | undefined;
  readonly #looks = new Set<() => void>();
  #consumption: Consumption | undefined;
  #taken = 0;

  constructor(tolerance: Tolerance, onDelivery?: OnDelivery) {
    this.#tolerance = tolerance;
    this.#onDelivery = onDelivery;
  }

  readonly receive = (batch: readonly Delivery[]): void => {
    this.batches.push(batch.length);
    for (const delivery of batch) {
      this.deliveries.push(delivery);
      this.#onDelivery?.(delivery);
    }
    for (const look of [...this.#looks]) look();
  };

  get consumption(): Consumption {
    if (this.#consumption === undefined) throw new Error("the consumption has not begun");
    return this.#consumption;
  }

  set consumption(consumption: Consumption) {
    this.#consumption = consumption;
  }

  get ids(): readonly string[] {
    return this.deliveries.map((delivery) => delivery.message.id);
  }

  /** The next delivery that no earlier `next` or `take` has returned. */
  async next(withinMs?: number): Promise<Delivery> {
    const [delivery] = await this.take(1, withinMs);
    return delivery as Delivery;
  }

  async take(count: number, withinMs?: number): Promise<readonly Delivery[]> {
    await this.has(this.#taken + count, withinMs);
    const taken = this.deliveries.slice(this.#taken, this.#taken + count);
    this.#taken += count;
    return taken;
  }

  /** Waits until `count` have arrived in all. */
  has(count: number, withinMs: number = this.#tolerance.patienceMs): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.deliveries.length < count) return;
        this.#looks.delete(look);
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#looks.delete(look);
        reject(new Error(`${this.deliveries.length} of ${count} deliveries came within ${Math.round(withinMs)} ms`));
      }, withinMs);
      this.#looks.add(look);
      look();
    });
  }
}

/** Settles as a worker would that does nothing else. A closed broker is not its affair. */
export function ack(delivery: Delivery): void {
  delivery.ack().catch((error: unknown) => {
    if (!isLovageError(error, "BROKER_CLOSED")) throw error;
  });
}
