import { ConfigurationError } from "@lovage/core/contracts";
import { type BrokerSaboteur, brokerSaboteur } from "./saboteur.ts";
import { but, butDeliveries } from "./tamper.ts";

const NOTHING = { ready: 0, delayed: 0, owned: 0, dead: 0, paused: false };

export const administration: readonly BrokerSaboteur[] = [
  brokerSaboteur(
    "counts nothing",
    ["introspection/depth-is-exact-when-idle", "leaks/depth-returns-to-zero"],
    (broker) =>
      but(broker, { depth: async () => NOTHING, publish: (messages) => broker.publish(messages.slice(0, 1)) }),
  ),
  brokerSaboteur("says 0 for an age it does not know", ["introspection/oldest-ready-age"], (broker) =>
    but(broker, { oldestReadyAge: async () => 0 }),
  ),
  brokerSaboteur("destroys queues silently", ["introspection/destroy-reaches-consumptions"], (broker) =>
    but(broker, {
      onEvent: (listener) => broker.onEvent((event) => void (event.type === "queue-lost" || listener(event))),
    }),
  ),
  brokerSaboteur("makes queues out of questions", ["refusals/unknown-queue"], (broker) =>
    but(broker, {
      async depth(queue) {
        await broker.ensureQueue({ name: queue });
        return broker.depth(queue);
      },
    }),
  ),
  brokerSaboteur("shows headers in its errors", ["refusals/errors-keep-secrets"], (broker) =>
    but(broker, {
      publish: async (messages) =>
        (await broker.publish(messages)).map((outcome, index) =>
          outcome.status === "refused"
            ? {
                ...outcome,
                error: new ConfigurationError("refused", { subject: { headers: messages[index]?.headers } }),
              }
            : outcome,
        ),
    }),
  ),
  brokerSaboteur("resets the lease of a queue that someone only names", ["lease/belongs-to-the-queue"], (broker) =>
    but(broker, { ensureQueue: (declaration) => broker.ensureQueue({ leaseMs: 10_000, ...declaration }) }),
  ),
  brokerSaboteur("keeps all dead letters for ever", ["dead-letters/are-bounded", "dead-letters/expire"], (broker) =>
    but(broker, {
      ensureQueue: ({ maxDead: _maxDead, deadRetentionMs: _retention, ...declaration }) =>
        broker.ensureQueue(declaration),
    }),
  ),
  brokerSaboteur("redrives one and says all", ["dead-letters/are-redriven"], (broker) =>
    but(broker, {
      async redrive(queue, ids) {
        if (ids !== "all") return broker.redrive(queue, ids);
        const letters = await broker.deadLetters(queue);
        await broker.redrive(
          queue,
          letters.slice(0, 1).map(({ id }) => id),
        );
        return letters.length;
      },
    }),
  ),
  brokerSaboteur("purges delayed messages unasked", ["purge/removes-ready-and-says-how-many"], (broker) =>
    but(broker, { purge: (queue) => broker.purge(queue, { delayed: true }) }),
  ),
  brokerSaboteur(
    "forgets what was revoked",
    ["revoke/waiting-is-never-delivered", "revoke/delayed-frees-its-storage"],
    (broker) => but(broker, { revoke: async (ids) => ids.map((id) => ({ id, status: "removed" })) }),
  ),
  brokerSaboteur(
    "revokes only what is there",
    ["revoke/is-remembered"],
    (() => {
      const known = new Set<string>();
      return (broker) =>
        but(broker, {
          async publish(messages) {
            for (const { id } of messages) known.add(id);
            return broker.publish(messages);
          },
          async revoke(ids) {
            await broker.revoke(ids.filter((id) => known.has(id)));
            return ids.map((id) => ({ id, status: "absent" }));
          },
        });
    })(),
  ),
  brokerSaboteur("brings a revoked message back with its requeue", ["revoke/owned-does-not-come-back"], (broker) =>
    butDeliveries(broker, (delivery) =>
      but(delivery, {
        async requeue() {
          const { message, queue } = delivery;
          const answer = await delivery.ack();
          await broker.publish([{ ...message, queue, id: `${message.id}-again` }]);
          return answer;
        },
      }),
    ),
  ),
];
