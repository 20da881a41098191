import type { Delivery } from "@lovage/core/contracts";
import { type BrokerSaboteur, brokerSaboteur } from "./saboteur.ts";
import { but, butConsumptions } from "./tamper.ts";

/** One delivery that was handed out, and the consumptions that it could be handed to as well. */
const onlookers = new Map<string, Set<(batch: readonly Delivery[]) => void>>();

export const consuming: readonly BrokerSaboteur[] = [
  brokerSaboteur(
    "gives two more than the credit",
    ["credit/is-never-exceeded", "credit/zero-delivers-nothing"],
    (broker) =>
      but(broker, {
        consume: (options, onDeliveries) => broker.consume({ ...options, credit: options.credit + 2 }, onDeliveries),
      }),
  ),
  brokerSaboteur("does not notice that credit was raised", ["credit/changes-within-a-second"], (broker) =>
    butConsumptions(broker, (consumption) => but(consumption, { setCredit() {} })),
  ),
  brokerSaboteur("counts nothing as unsettled", ["credit/unsettled-is-exact"], (broker) =>
    butConsumptions(broker, (consumption) => but(consumption, { unsettled: 0 })),
  ),
  brokerSaboteur(
    "serves whoever came first, and others when it likes",
    ["fairness/equal-consumers-share-equally"],
    (() => {
      let connections = 0;
      return (broker) => {
        const waitMs = ++connections % 2 === 0 ? 0 : 20;
        return but(broker, {
          consume: (options, onDeliveries) =>
            broker.consume(options, (batch) => setTimeout(() => onDeliveries(batch), waitMs)),
        });
      };
    })(),
  ),
  brokerSaboteur("keeps one of the credit for higher priorities", ["priority/any-may-use-the-whole-credit"], (broker) =>
    but(broker, {
      consume: (options, onDeliveries) => {
        let low = 0;
        return broker.consume(options, (batch) => {
          const kept = batch.filter(({ message }) => message.priority > 4 || ++low < options.credit);
          if (kept.length > 0) onDeliveries(kept);
        });
      },
    }),
  ),
  brokerSaboteur("waits for one priority at a time", ["priority/any-comes-to-who-waits"], (broker) =>
    but(broker, {
      consume: (options, onDeliveries) => {
        let first: number | undefined;
        return broker.consume(options, (batch) => {
          first ??= batch[0]?.message.priority;
          const seen = batch.filter(({ message }) => message.priority === first);
          if (seen.length > 0) onDeliveries(seen);
        });
      },
    }),
  ),
  brokerSaboteur("goes on delivering after stop", ["lifecycle/nothing-arrives-after-stop"], (broker) =>
    butConsumptions(broker, (consumption) => but(consumption, { stop: async () => {} })),
  ),
  brokerSaboteur(
    "hands every tenth message to two consumers",
    ["contention/connections-share-without-overlap"],
    (broker) =>
      but(broker, {
        async consume(options, onDeliveries) {
          const others = onlookers.get(options.queue) ?? new Set();
          onlookers.set(options.queue, others.add(onDeliveries));
          let count = 0;
          return broker.consume(options, (batch) => {
            onDeliveries(batch);
            for (const delivery of batch) {
              if (++count % 10 !== 0) continue;
              for (const other of others) if (other !== onDeliveries) other([delivery]);
            }
          });
        },
      }),
  ),
  brokerSaboteur(
    "pauses only in what it says",
    ["pause/stops-new-deliveries"],
    (() => {
      const paused = new Set<string>();
      return (broker) =>
        but(broker, {
          pause: async (queue) => void paused.add(queue),
          resume: async (queue) => void paused.delete(queue),
          depth: async (queue) => ({ ...(await broker.depth(queue)), paused: paused.has(queue) }),
        });
    })(),
  ),
];
