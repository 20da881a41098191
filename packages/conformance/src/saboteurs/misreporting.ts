import type { Broker, BrokerCapabilities } from "@lovage/core/contracts";
import { type BrokerSaboteur, brokerSaboteur } from "./saboteur.ts";
import { but, butDeliveries } from "./tamper.ts";

/** Saboteurs that say what is not so, and do what was not asked. */
export const misreporting: readonly BrokerSaboteur[] = [
  brokerSaboteur("turns pages back to the first", ["dead-letters/are-listed-in-pages"], (broker) =>
    but<Broker>(broker, {
      deadLetters: (queue, { after: _after, ...query } = {}) => broker.deadLetters(queue, query),
    }),
  ),
  brokerSaboteur("drops nothing and says how much", ["dead-letters/are-dropped"], (broker) =>
    but<Broker>(broker, { dropDead: async (_queue, ids) => (ids === "all" ? 2 : ids.length) }),
  ),
  brokerSaboteur("purges what is ready whatever it is asked", ["purge/removes-delayed-when-asked"], (broker) =>
    but<Broker>(broker, { purge: (queue) => broker.purge(queue) }),
  ),
  brokerSaboteur("calls absent whatever it revokes", ["revoke/says-where-it-was"], (broker) =>
    but<Broker>(broker, {
      revoke: async (ids) => (await broker.revoke(ids)).map(({ id }) => ({ id, status: "absent" })),
    }),
  ),
  brokerSaboteur(
    "destroys and says that there was nothing",
    ["introspection/destroy-tells-what-it-destroyed"],
    (broker) =>
      but<Broker>(broker, {
        destroyQueue: async (queue) => ({ ...(await broker.destroyQueue(queue)), ready: 0, delayed: 0 }),
      }),
  ),
  brokerSaboteur("lists queues as they come", ["introspection/queues-are-listed"], (broker) =>
    but<Broker>(broker, { queues: async () => (await broker.queues()).toReversed() }),
  ),
  brokerSaboteur("makes a queue of any name", ["refusals/bad-declaration"], (broker) =>
    but<Broker>(broker, { ensureQueue: (declaration) => broker.ensureQueue(declaration).catch(() => {}) }),
  ),
  brokerSaboteur("makes days of delay nothing", ["delay/long-delays-are-kept"], (broker) =>
    but<Broker>(broker, {
      publish: (messages) =>
        broker.publish(
          messages.map(({ dueAt = 0, ...message }) => ({
            ...message,
            dueAt: dueAt - Date.now() < 2 ** 31 ? dueAt : 0,
          })),
        ),
    }),
  ),
  brokerSaboteur("waits for what was due long ago", ["delay/past-is-ready"], (broker) =>
    but<Broker>(broker, {
      publish: (messages) =>
        broker.publish(
          messages.map(({ dueAt, ...message }) =>
            dueAt === undefined ? message : { ...message, dueAt: dueAt + 3_600_000 },
          ),
        ),
    }),
  ),
  brokerSaboteur(
    "makes what is due in one bucket ready in the order of its publishing",
    ["delay/comes-in-order-of-due-time"],
    (broker) =>
      but<Broker>(broker, {
        publish(messages) {
          const last = Math.max(...messages.map(({ dueAt = 0 }) => dueAt));
          return broker.publish(
            messages.map(({ dueAt, ...message }) => (dueAt === undefined ? message : { ...message, dueAt: last })),
          );
        },
      }),
  ),
  brokerSaboteur("hands over a batch from its end", ["order/batches-keep-order"], (broker) =>
    but<Broker>(broker, {
      consume: (options, onDeliveries) => broker.consume(options, (batch) => onDeliveries(batch.toReversed())),
    }),
  ),
  brokerSaboteur("loses its own headers with a requeue", ["settlement/requeue-keeps-headers"], (broker) =>
    butDeliveries(broker, (delivery) =>
      but(delivery, {
        requeue: ({ headers = { task: delivery.message.headers.task }, ...rest } = {}) =>
          delivery.requeue({ ...rest, headers }),
      }),
    ),
  ),
  brokerSaboteur("takes a release for a failed attempt", ["settlement/release-is-untouched-and-unblamed"], (broker) =>
    butDeliveries(broker, (delivery) =>
      but(delivery, {
        release: () => delivery.requeue({ headers: { ...delivery.message.headers, attempt: 3 } }),
      }),
    ),
  ),
  brokerSaboteur("accepts and drops what is for nobody", ["publish/unknown-queue-is-not-swallowed"], (broker) =>
    but<Broker>(broker, {
      publish: async (messages) => (await broker.publish(messages)).map(({ id }) => ({ id, status: "accepted" })),
    }),
  ),
  brokerSaboteur("tells its capabilities before it knows any", ["lifecycle/capabilities-need-a-connection"], (broker) =>
    but<Broker>(broker, { capabilities: {} as BrokerCapabilities }),
  ),
];
