/** Saboteurs that give another answer than the reference broker, and do not do what that answer promises. */

import type { Broker, BrokerCapabilities, Delivery } from "@lovage/core/contracts";
import { claim } from "./claim.ts";
import { memoryHarness } from "./memory-harness.ts";
import { type BrokerSaboteur, brokerSaboteur, SHORT_PATIENCE_MS } from "./saboteur.ts";
import { but, butDeliveries, butFresh } from "./tamper.ts";

type Tamper = Parameters<typeof brokerSaboteur>[2];

/** Other answers, and deliveries that do otherwise. */
function claimAndDeliver(
  claims: Partial<BrokerCapabilities>,
  change: (delivery: Delivery) => Partial<Delivery>,
): Tamper {
  return (broker) =>
    claim(claims)(butDeliveries(broker, (delivery) => but(delivery, change(delivery))) as typeof broker);
}

/** A harness whose server keeps what it had when it starts again, as one that is durable. */
function keepingHarness(tamper: Tamper): ReturnType<BrokerSaboteur["harness"]> {
  const harness = memoryHarness({ tamper, patienceMs: SHORT_PATIENCE_MS });
  return { ...harness, faults: { ...harness.faults, restart: async () => harness.faults?.reset?.() } };
}

/** A harness of a server that sets a limit to holding. */
function overdueHarness(change: (delivery: Delivery) => Delivery): ReturnType<BrokerSaboteur["harness"]> {
  const harness = memoryHarness({
    tamper: (broker) => claim({ maxUnsettledMs: HOUR_MS })(butDeliveries(broker, change) as typeof broker),
    patienceMs: SHORT_PATIENCE_MS,
  });
  return {
    ...harness,
    faults: { ...harness.faults, overdue: async () => async () => {} },
    async close() {
      for (const timer of timers.splice(0)) clearInterval(timer);
    },
  };
}

const HOUR_MS = 3_600_000;
const timers: NodeJS.Timeout[] = [];

export const answering: readonly BrokerSaboteur[] = [
  brokerSaboteur(
    "calls its priorities banded and takes no notice of them",
    ["priority/banded"],
    claim({ priority: "banded" }, (broker) => ({
      publish: (messages) => broker.publish(messages.map((message) => ({ ...message, priority: 5 }))),
    })),
  ),
  brokerSaboteur(
    "calls its priorities banded and looks at none that comes once somebody consumes",
    ["priority/banded-overtakes-what-waits"],
    claim({ priority: "banded" }, (broker) => {
      let consumed = false;
      return {
        consume: (options, onDeliveries) => {
          consumed = true;
          return broker.consume(options, onDeliveries);
        },
        publish: (messages) =>
          broker.publish(consumed ? messages.map((message) => ({ ...message, priority: 0 })) : messages),
      };
    }),
  ),
  brokerSaboteur(
    "calls its priorities banded and lets the lowest starve",
    ["priority/banded-all-get-on"],
    claim({ priority: "banded" }),
  ),
  brokerSaboteur(
    "says that what is given back goes first, and puts it among the others",
    ["priority/returned-goes-first"],
    claim({ priority: "returned-first" }),
  ),
  brokerSaboteur("says that it ignores priorities, and does not", ["priority/none"], claim({ priority: "none" })),
  brokerSaboteur(
    "has a window for duplicates and looks through it at nothing",
    ["publish/duplicate-within-window"],
    claim({ dedupe: "window" }, (broker) => ({
      publish: async (messages) => {
        await broker.publish(messages);
        return messages.map(({ id }) => ({ id, status: "accepted" }));
      },
    })),
  ),
  brokerSaboteur("makes more copies than there were publishes", ["publish/duplicates-are-not-recognised"], (broker) =>
    claim({ dedupe: "none" }, (inner) => ({
      publish: async (messages) => {
        await inner.publish(messages);
        return messages.map(({ id }) => ({ id, status: "accepted" }));
      },
      consume: (options, onDeliveries) =>
        inner.consume(options, (batch) => {
          for (let copy = 0; copy < 3; copy += 1) onDeliveries(batch);
        }),
    }))(broker),
  ),
  brokerSaboteur(
    "does not count starts, and tells a number",
    ["settlement/starts-are-not-counted"],
    claim({ countsStarts: false }),
  ),
  brokerSaboteur(
    "does not count deliveries, and makes a number up",
    ["settlement/deliveries-are-not-counted"],
    claimAndDeliver({ countsDeliveries: false }, () => ({ deliveryCount: 7 })),
  ),
  brokerSaboteur(
    "takes a place that may be lost for a message that may",
    ["order/release-may-lose-its-place"],
    claimAndDeliver({ stablePosition: false }, (delivery) => ({ release: () => delivery.ack() })),
  ),
  brokerSaboteur(
    "says that the connection owns, and lets leases lapse",
    ["lease/connection-needs-no-renewal"],
    claim({ ownership: "connection" }),
  ),
  brokerSaboteur(
    "keeps what a connection held that was cut",
    ["redelivery/cut-comes-again-to-its-holder"],
    claim({ ownership: "connection" }, butFresh),
  ),
  brokerSaboteur(
    "sets no limit to holding, and takes back what is renewed too often",
    ["overdue/never"],
    claimAndDeliver({ maxUnsettledMs: undefined }, (delivery) => {
      let renewals = 0;
      return {
        async renew() {
          renewals += 1;
          if (renewals > 10) await delivery.release();
          return delivery.renew();
        },
      };
    }),
  ),
  {
    name: "takes back what is held for too long, and tells nobody",
    caughtBy: ["overdue/is-taken-back-and-told"],
    harness: () =>
      overdueHarness((delivery) => {
        timers.push(setTimeout(() => void delivery.release().catch(() => {}), 100));
        return but(delivery, { lost: new AbortController().signal });
      }),
  },
  {
    name: "says that it takes back what is held for too long, and does not",
    caughtBy: ["overdue/is-taken-back-and-told"],
    harness: () =>
      overdueHarness((delivery) => {
        timers.push(setInterval(() => void delivery.renew().catch(() => {}), 200));
        return delivery;
      }),
  },
  brokerSaboteur(
    "has no fence, and throws at who climbs over",
    ["redelivery/stale-holder-harms-nobody"],
    claimAndDeliver({ fenced: false }, (delivery) => ({
      async ack() {
        const answer = await delivery.ack();
        if (answer === "lost") throw new Error("not yours");
        return answer;
      },
    })),
  ),
  brokerSaboteur(
    "purges owned messages, which come again when they are settled",
    ["purge/removes-owned-too"],
    claimAndDeliver({ purgeKeepsOwned: false }, (delivery) => ({ ack: () => delivery.requeue() })),
  ),
  brokerSaboteur("purges what is owned and says that it does not", ["purge/keeps-owned"], (broker) => {
    let purged = false;
    const lost = async (): Promise<"lost"> => "lost";
    return but<Broker>(
      butDeliveries(broker, (delivery) =>
        but(delivery, {
          ack: () => (purged ? lost() : delivery.ack()),
          release: () => (purged ? lost() : delivery.release()),
        }),
      ),
      {
        purge(...query) {
          purged = true;
          return broker.purge(...query);
        },
      },
    );
  }),
  brokerSaboteur("pauses nothing, and says nothing", ["pause/is-missing"], claim({ pause: false })),
  brokerSaboteur(
    "cannot browse dead letters, and gives a list",
    ["dead-letters/cannot-be-browsed"],
    claim({ deadLetterBrowse: false }),
  ),
  brokerSaboteur(
    "says 0 for ages that it cannot tell",
    ["introspection/oldest-ready-age-is-unknown"],
    claim({ oldestReadyAge: false }, () => ({ oldestReadyAge: async () => 0 })),
  ),
  {
    name: "is deaf after a restart",
    caughtBy: ["restart/consuming-resumes"],
    harness: () =>
      keepingHarness((broker) => {
        let restarted = false;
        broker.onEvent(({ type }) => {
          restarted ||= type === "disconnected";
        });
        return claim({ durable: "machine" }, () => ({
          consume: (options, onDeliveries) =>
            broker.consume(options, (batch) => void (restarted || onDeliveries(batch))),
        }))(broker);
      }),
  },
  {
    name: "leaves a timer behind with each restart",
    caughtBy: ["restart/consuming-resumes"],
    harness: () => ({
      ...keepingHarness((broker) => {
        broker.onEvent(({ type }) => {
          if (type === "disconnected") timers.push(setInterval(() => {}, 60_000));
        });
        return claim({ durable: "machine" })(broker);
      }),
      async close() {
        for (const timer of timers.splice(0)) clearInterval(timer);
      },
    }),
  },
];
