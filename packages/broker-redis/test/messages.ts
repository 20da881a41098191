import { randomUUID } from "node:crypto";
import type { Broker, Delivery, OutgoingMessage } from "@lovage/core/contracts";

export function messages(queue: string, count: number, parts: Partial<OutgoingMessage> = {}): OutgoingMessage[] {
  return Array.from({ length: count }, () => ({
    id: randomUUID(),
    queue,
    headers: { task: "test" },
    body: "[[]]",
    priority: 5,
    ...parts,
  }));
}

/** Deliveries as they come, and a way to wait for the n-th. */
export class Taken {
  readonly deliveries: Delivery[] = [];
  #waiting: { readonly count: number; resolve(): void }[] = [];

  readonly receive = (batch: readonly Delivery[]): void => {
    this.deliveries.push(...batch);
    for (const { count, resolve } of this.#waiting) if (this.deliveries.length >= count) resolve();
    this.#waiting = this.#waiting.filter(({ count }) => this.deliveries.length < count);
  };

  get ids(): readonly string[] {
    return this.deliveries.map(({ message }) => message.id);
  }

  async has(count: number): Promise<readonly Delivery[]> {
    if (this.deliveries.length < count) await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
    return this.deliveries;
  }
}

export async function take(broker: Broker, queue: string, credit: number): Promise<Taken> {
  const taken = new Taken();
  await broker.consume({ queue, credit }, taken.receive);
  return taken;
}
