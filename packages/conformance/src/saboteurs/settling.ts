import type { Delivery } from "@lovage/core/contracts";
import { type BrokerSaboteur, brokerSaboteur } from "./saboteur.ts";
import { but, butDeliveries } from "./tamper.ts";

/** Changes what deliveries do. */
function lying(change: (delivery: Delivery) => Partial<Delivery>): Parameters<typeof brokerSaboteur>[2] {
  return (broker) => butDeliveries(broker, (delivery) => but(delivery, change(delivery)));
}

export const settling: readonly BrokerSaboteur[] = [
  brokerSaboteur(
    "acks before anyone has run it",
    ["redelivery/close-gives-back", "redelivery/lapse-redelivers"],
    (broker) =>
      butDeliveries(broker, (delivery) => {
        void delivery.ack();
        return delivery;
      }),
  ),
  brokerSaboteur(
    "does not ack",
    ["settlement/ack-removes"],
    lying(() => ({ ack: async () => "done" })),
  ),
  brokerSaboteur(
    "lets the last settlement win",
    ["settlement/first-settlement-wins"],
    lying((delivery) => ({
      async deadLetter(reason) {
        const answer = await delivery.deadLetter(reason);
        return answer === "done" ? "lost" : answer;
      },
    })),
  ),
  brokerSaboteur(
    "forgets new headers on requeue",
    ["settlement/requeue-carries-new-headers", "settlement/a-hundred-requeues"],
    lying((delivery) => ({ requeue: ({ delayMs = 0 } = {}) => delivery.requeue({ delayMs }) })),
  ),
  brokerSaboteur(
    "releases to the end of the queue and calls it stable",
    ["order/release-keeps-its-place"],
    lying((delivery) => ({ release: () => delivery.requeue() })),
  ),
  brokerSaboteur(
    "blames a released message for its start",
    ["settlement/starts-are-counted"],
    lying((delivery) => ({ starts: (delivery.starts ?? 0) + (delivery.redelivered ? 1 : 0) })),
  ),
  brokerSaboteur(
    "tells a stale holder that all is well",
    ["redelivery/stale-holder-changes-nothing"],
    lying((delivery) => ({
      async ack() {
        await delivery.ack();
        return "done";
      },
    })),
  ),
  brokerSaboteur(
    "counts every delivery as the first",
    ["settlement/deliveries-are-counted"],
    lying(() => ({ deliveryCount: 1 })),
  ),
  brokerSaboteur(
    "does not say that a message was handed out before",
    ["redelivery/lapse-redelivers", "settlement/deliveries-are-counted"],
    lying(() => ({ redelivered: false })),
  ),
  brokerSaboteur(
    "forgets to renew",
    ["lease/renewal-keeps"],
    lying(() => ({ renew: async () => "done" })),
  ),
  brokerSaboteur(
    "claims longer leases than it gives",
    ["lease/expiry-is-known"],
    lying((delivery) => ({ leaseExpiresAt: (delivery.leaseExpiresAt ?? 0) + 2_000 })),
  ),
  brokerSaboteur(
    "requeues at once whatever the delay",
    ["delay/requeue-with-delay"],
    lying((delivery) => ({
      requeue: ({ headers } = {}) => delivery.requeue(headers === undefined ? {} : { headers }),
    })),
  ),
  brokerSaboteur(
    "loses the reason of a dead letter",
    ["dead-letters/carry-everything"],
    lying((delivery) => ({ deadLetter: () => delivery.deadLetter({ code: "failed" }) })),
  ),
  brokerSaboteur(
    "drops what should be a dead letter",
    ["dead-letters/are-counted"],
    lying((delivery) => ({ deadLetter: () => delivery.ack() })),
  ),
];
