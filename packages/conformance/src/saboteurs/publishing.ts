import type { OutgoingMessage } from "@lovage/core/contracts";
import { type BrokerSaboteur, brokerSaboteur } from "./saboteur.ts";
import { but } from "./tamper.ts";

/** Changes messages on their way in. */
function altering(change: (message: OutgoingMessage) => OutgoingMessage): Parameters<typeof brokerSaboteur>[2] {
  return (broker) => but(broker, { publish: (messages) => broker.publish(messages.map(change)) });
}

export const publishing: readonly BrokerSaboteur[] = [
  brokerSaboteur("accepts and drops every tenth message", ["publish/outcome-per-message-in-order"], (broker) => {
    let count = 0;
    return but(broker, {
      async publish(messages) {
        await broker.publish(messages.filter(() => ++count % 10 !== 0));
        return messages.map(({ id }) => ({ id, status: "accepted" }));
      },
    });
  }),
  brokerSaboteur(
    "takes bodies for text",
    ["publish/bytes-arrive-identical"],
    altering((message) => ({ ...message, body: Buffer.from(message.body as string).toString("utf8") })),
  ),
  brokerSaboteur(
    "knows headers of its own version only",
    ["publish/headers-round-trip"],
    altering(({ headers: { task, attempt = 1 }, ...message }) => ({ ...message, headers: { task, attempt } })),
  ),
  brokerSaboteur("calls a duplicate accepted", ["publish/duplicate-while-present"], (broker) =>
    but(broker, {
      publish: async (messages) =>
        (await broker.publish(messages)).map((outcome) =>
          outcome.status === "duplicate" ? { id: outcome.id, status: "accepted" } : outcome,
        ),
    }),
  ),
  brokerSaboteur("evicts the oldest when full", ["publish/full-refuses-and-drains"], (broker) =>
    but(broker, {
      publish: async (messages) =>
        (await broker.publish(messages)).map((outcome) =>
          outcome.status === "refused" && outcome.error.code === "BROKER_FULL"
            ? { id: outcome.id, status: "accepted" }
            : outcome,
        ),
    }),
  ),
  brokerSaboteur(
    "sends the last of a batch first",
    ["order/first-in-first-out", "publish/parallel-calls-keep-order"],
    (broker) =>
      but(broker, { publish: async (messages) => (await broker.publish(messages.toReversed())).toReversed() }),
  ),
  brokerSaboteur(
    "knows two priorities and calls them strict",
    ["priority/strict"],
    altering((message) => ({ ...message, priority: message.priority > 4 ? 9 : 0 })),
  ),
  brokerSaboteur(
    "delivers delayed messages a little early",
    ["delay/never-early-nor-late"],
    altering(({ dueAt, ...message }) => (dueAt === undefined ? message : { ...message, dueAt: dueAt - 20 })),
  ),
  brokerSaboteur(
    "cuts long delays to what a timer can wait",
    ["delay/beyond-the-longest-is-refused"],
    altering(({ dueAt, ...message }) =>
      dueAt === undefined ? message : { ...message, dueAt: Math.min(dueAt, Date.now() + 2 ** 31) },
    ),
  ),
];
