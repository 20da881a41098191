import { watch } from "node:fs";
import { join } from "node:path";
import { type ConsumptionTerms, type HeldConsumption, PulledFeed } from "@lovage/core/brokers";
import { POLL_MS } from "./spool-capabilities.ts";
import { type Ticket, toMs } from "./spool-layout.ts";
import type { SpoolQueue } from "./spool-queue.ts";

export function consume(
  terms: ConsumptionTerms<Ticket>,
  queue: SpoolQueue,
  onTrouble: (error: unknown) => void,
): HeldConsumption<Ticket> {
  /** What was ready when the folder was last listed, the next one last; others may have taken some of it. Good until the next poll. */
  let listed: Ticket[] = [];
  const { consumption } = new PulledFeed<Ticket>(terms, {
    everyMs: POLL_MS,
    onTrouble,
    /** The system's word that something changed may never come. The clock is the truth. */
    listen(wake) {
      const watcher = watch(join(queue.folder, "waiting"), wake).on("error", onTrouble);
      return () => watcher.close();
    },
    tidy() {
      listed = [];
      queue.reap();
    },
    claim(consumption) {
      if (queue.paused) return;
      const { leaseMs } = queue.settings;
      consumption.leaseMs = leaseMs;
      if (listed.length === 0) listed = queue.ready().reverse();
      while (consumption.room > 0 && listed.length > 0) {
        const claim = queue.claim(listed.pop() as Ticket, leaseMs);
        const content = claim && queue.read(claim);
        if (claim === undefined || content === undefined) continue;
        const { headers, body, priority, reason } = content;
        const { id, deliveries: deliveryCount, starts, until } = claim;
        // A damaged one goes to the dead letters.
        if (reason !== undefined) queue.bury(claim, { headers, reason });
        else {
          const message = { id, headers, body, priority };
          consumption.take({ message, claim, deliveryCount, starts, leaseExpiresAt: toMs(until) });
        }
      }
    },
  });
  return consumption;
}
