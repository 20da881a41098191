import type { MemoryConsumption } from "./memory-consumption.ts";
import type { MemoryDelivery } from "./memory-delivery.ts";
import type { MemoryQueue } from "./memory-queue.ts";

/**
 * Deals ready messages round, one to each consumption that has credit left, and then hands each its share as one batch. Whoever was
 * served first goes to the back, so that over many small turns the shares are even too.
 */
export function handOut(queue: MemoryQueue, now: number): void {
  const hands = new Map<MemoryConsumption, MemoryDelivery[]>();
  let hungry = [...queue.consumptions].filter((consumption) => consumption.hasCredit);
  dealing: while (hungry.length > 0) {
    for (const consumption of hungry) {
      const delivery = queue.take(consumption, now);
      if (delivery === undefined) break dealing;
      const hand = hands.get(consumption);
      if (hand === undefined) hands.set(consumption, [delivery]);
      else hand.push(delivery);
      consumption.holds(delivery);
    }
    hungry = hungry.filter((consumption) => consumption.hasCredit);
  }
  for (const [consumption, hand] of hands) {
    if (queue.consumptions.delete(consumption)) queue.consumptions.add(consumption);
    consumption.receive(hand);
  }
}
