/** A consumption of a broker that exists only as far as a test needs it: what it asks gathers until the test answers. */

import {
  BrokerEvents,
  type DeliveryRequest,
  Gathering,
  HeldConsumption,
  type HeldDelivery,
} from "../../src/brokers/index.ts";
import type { BrokerEvent, Delivery } from "../../src/contracts/index.ts";

export class OneConsumption {
  readonly events = new BrokerEvents();
  readonly told: BrokerEvent[] = [];
  readonly requests: Gathering<number> = new Gathering(() => {});
  readonly batches: (readonly Delivery[])[] = [];
  readonly consumption: HeldConsumption<number>;
  closed = false;
  wakes = 0;
  endings = 0;
  #number = 0;

  constructor(credit = 10, onDeliveries?: (batch: readonly Delivery[]) => void) {
    this.events.on((event) => this.told.push(event));
    const feed = { roomChanged: () => void this.wakes++, end: () => {} };
    const terms = {
      queue: "mail",
      credit,
      onDeliveries: (batch: readonly Delivery[]): void => {
        this.batches.push(batch);
        onDeliveries?.(batch);
      },
    };
    this.consumption = new HeldConsumption({ ...terms, host: this }, feed);
  }

  consumptionEnded(): void {
    this.endings += 1;
  }

  take(facts: { leaseExpiresAt?: number; starts?: number } = {}): HeldDelivery<number> {
    const claim = ++this.#number;
    const message = { id: `m${claim}`, headers: { task: "t" }, body: "[]", priority: 5 };
    return this.consumption.take({ message, claim, deliveryCount: 1, ...facts });
  }

  /** What has been asked leaves. */
  leave(): readonly DeliveryRequest<number>[] {
    return this.requests.take();
  }

  answer(settlement: "done" | "lost"): void {
    for (const request of this.leave()) request.answer(settlement);
  }
}

/** The end of this round of the event loop, and of what it set off. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
