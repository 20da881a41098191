import type { DeliveryRequest } from "@lovage/core/brokers";
import { instant, placeInLine, type Ticket } from "./spool-layout.ts";
import type { SpoolQueue } from "./spool-queue.ts";

/**
 * Each is one rename or unlink, from exactly the name that the claim has. Where there is no such file, it is no longer ours: false. What
 * the disk refuses is thrown, and asked again.
 */
export function carryOut(queue: SpoolQueue, request: DeliveryRequest<Ticket>): boolean {
  const { claim, delivery } = request;
  switch (request.kind) {
    case "ack":
      return queue.remove(claim);
    case "requeue": {
      const { delayMs, headers } = request;
      const edition = headers === undefined ? claim.edition : queue.amend(claim, { headers });
      const at = placeInLine(Date.now() + delayMs);
      return edition !== undefined && queue.comeBack(claim, { at, starts: 0, edition });
    }
    case "release":
      // A start that was marked is not held against a message that is given back.
      return queue.comeBack(claim, { starts: delivery.startsBefore ?? 0 });
    case "deadLetter":
      return queue.bury(claim, { headers: delivery.message.headers, reason: request.reason });
    case "renew":
      return renamed(queue, request, { until: instant(Date.now() + queue.settings.leaseMs) });
    case "markStarted":
      return renamed(queue, request, { starts: claim.starts + 1 });
    case "checkLease":
      return queue.has(claim);
  }
}

/** From now on the new name is the proof. */
function renamed(queue: SpoolQueue, { claim, delivery }: DeliveryRequest<Ticket>, changes: Partial<Ticket>): boolean {
  delivery.claim = queue.move(claim, changes) ?? claim;
  return delivery.claim !== claim;
}
