import type { MemoryFeed } from "./memory-consumption.ts";
import type { MemoryQueue } from "./memory-queue.ts";

/**
 * Deals ready messages round, one to each consumption that has room left, and then hands each its share as one batch. Whoever was
 * served first goes to the back, so that over many small turns the shares are even too.
 */
export function handOut(queue: MemoryQueue, now: number): void {
  const served = new Set<MemoryFeed>();
  let hungry = [...queue.feeds].filter(hasRoom);
  dealing: while (hungry.length > 0) {
    for (const feed of hungry) {
      if (!queue.take(feed.consumption, now)) break dealing;
      served.add(feed);
    }
    hungry = hungry.filter(hasRoom);
  }
  for (const feed of served) {
    if (queue.feeds.delete(feed)) queue.feeds.add(feed);
    feed.consumption.handOver();
  }
}

const hasRoom = ({ consumption }: MemoryFeed): boolean => consumption.room > 0;
