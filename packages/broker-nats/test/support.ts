/** For tests beside the kit: messages, and what arrives. */

import { randomUUID } from "node:crypto";
import { type Delivery, isLovageError, type OutgoingMessage, type Settlement } from "@lovage/core/contracts";

/** A bound for what never comes. */
export const patience = { timeoutMs: 15_000 };

export function message(
  queue: string,
  id: string = randomUUID(),
  parts: Partial<OutgoingMessage> = {},
): OutgoingMessage {
  return { id, queue, headers: { task: "test" }, body: "[[]]", priority: 5, ...parts };
}

/** Acks, and bears that the broker is closed before there is an answer. */
export function ack(delivery: Delivery, settled: (settlement: Settlement) => void = () => {}): void {
  delivery.ack().then(settled, (error: unknown) => {
    if (!isLovageError(error, "BROKER_CLOSED")) throw error;
  });
}

/** Deliveries in the order they came, taken one by one. */
export class Collected {
  readonly #waiting: Delivery[] = [];
  #wake: (() => void) | undefined;

  readonly receive = (batch: readonly Delivery[]): void => {
    this.#waiting.push(...batch);
    this.#wake?.();
  };

  async next(): Promise<Delivery> {
    const until = performance.now() + patience.timeoutMs;
    for (;;) {
      const delivery = this.#waiting.shift();
      if (delivery !== undefined) return delivery;
      if (performance.now() > until) throw new Error(`nothing came within ${patience.timeoutMs} ms`);
      await new Promise<void>((resolve) => {
        const late = setTimeout(resolve, patience.timeoutMs);
        this.#wake = () => {
          clearTimeout(late);
          resolve();
        };
      });
    }
  }
}
