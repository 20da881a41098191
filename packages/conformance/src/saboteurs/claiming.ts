import type { Broker, Headers } from "@lovage/core/contracts";
import { claim } from "./claim.ts";
import { memoryHarness } from "./memory-harness.ts";
import { type BrokerSaboteur, brokerSaboteur, SHORT_PATIENCE_MS } from "./saboteur.ts";
import { but, butDeliveries, butFresh } from "./tamper.ts";

const NO_NUMBERS = { ready: false, delayed: false, owned: false, dead: false };

/** Saboteurs that lie about what they can do, or break what holds when the answer is no. */
export const claimingFalsely: readonly BrokerSaboteur[] = [
  brokerSaboteur(
    "calls memory durable",
    ["restart/accepted-survives", "pause/survives-a-restart"],
    claim({ durable: "machine" }),
  ),
  brokerSaboteur(
    "calls memory durable against the death of its process",
    ["restart/process-survives-a-kill"],
    claim({ durable: "process" }),
  ),
  {
    name: "does not force to disk what it accepts",
    caughtBy: ["restart/machine-survives-a-power-cut"],
    harness() {
      const harness = memoryHarness({
        tamper: claim({ durable: "machine" }),
        patienceMs: SHORT_PATIENCE_MS,
      });
      return { ...harness, faults: { ...harness.faults, powerCut: async () => harness.faults?.restart?.() } };
    },
  },
  brokerSaboteur(
    "shows the numbers of before a restart",
    ["restart/none-begins-empty"],
    (() => {
      const published = new Map<string, number>();
      return claim({}, (broker) => ({
        publish(messages) {
          for (const { queue } of messages) published.set(queue, (published.get(queue) ?? 0) + 1);
          return broker.publish(messages);
        },
        depth: async (queue) => ({ ...(await broker.depth(queue)), ready: published.get(queue) ?? 0 }),
      }));
    })(),
  ),
  brokerSaboteur(
    "says 0 for numbers it does not know",
    [
      "introspection/depth-cannot-tell-ready",
      "introspection/depth-cannot-tell-delayed",
      "introspection/depth-cannot-tell-owned",
      "introspection/depth-cannot-tell-dead",
    ],
    claim({ depth: NO_NUMBERS }, () => ({
      depth: async () => ({ ready: 0, delayed: 0, owned: 0, dead: 0, paused: false }),
    })),
  ),
  brokerSaboteur(
    "counts what is owned or delayed among the ready",
    ["introspection/depth-tells-ready", "introspection/depth-tells-owned", "introspection/depth-tells-delayed"],
    claim({}, (broker) => ({
      async depth(queue) {
        const { ready = 0, owned = 0, delayed = 0, ...rest } = await broker.depth(queue);
        return { ...rest, ready: ready + owned + delayed, owned: 0, delayed: 0 };
      },
    })),
  ),
  {
    name: "counts dead letters and keeps none",
    caughtBy: ["dead-letters/are-kept"],
    harness: () => ({
      ...memoryHarness({ tamper: claim({ deadLetterBrowse: false }), patienceMs: SHORT_PATIENCE_MS }),
      buried: async () => [],
    }),
  },
  brokerSaboteur(
    "cannot remove a delayed message that was revoked, and delivers it",
    ["revoke/delayed-may-wait-to-be-dropped"],
    claim({ delayedRemove: false }, () => ({ revoke: async (ids) => ids.map((id) => ({ id, status: "unknown" })) })),
  ),
  {
    name: "gives each connection queues of its own",
    caughtBy: ["contention/one-process-shares-too"],
    harness: () => ({
      ...memoryHarness(),
      patienceMs: SHORT_PATIENCE_MS,
      create: (options) => memoryHarness().create(options),
    }),
  },
  {
    name: "takes a producer's clock for its own",
    caughtBy: ["delay/skewed-producer"],
    harness() {
      const harness = memoryHarness({ patienceMs: SHORT_PATIENCE_MS });
      return { ...harness, create: ({ clockOffsetMs: _offset, ...options } = {}) => harness.create(options) };
    },
  },
  brokerSaboteur(
    "puts off what a slow clock says was due",
    ["delay/skewed-producer-shifts"],
    claim({ brokerClock: false }, (broker) => ({
      publish: (messages) =>
        broker.publish(messages.map((message) => ({ ...message, dueAt: (message.dueAt ?? 0) * 2 }))),
    })),
  ),
  brokerSaboteur(
    "is later than its resolution says",
    ["delay/never-early-nor-late"],
    claim({ delayResolutionMs: 0 }, (broker) => ({
      publish: (messages) =>
        broker.publish(
          messages.map(({ dueAt, ...message }) =>
            dueAt === undefined ? message : { ...message, dueAt: dueAt + 3_000 },
          ),
        ),
    })),
  ),
  brokerSaboteur(
    "stores more than the largest body",
    ["publish/too-large-is-refused"],
    claim({ maxMessageBytes: 1_000 }),
  ),
  brokerSaboteur(
    "takes names of another case for the same",
    ["refusals/names-of-dots-and-cases", "refusals/names-of-any-legal-shape"],
    claim({}, (broker) => ({
      ensureQueue: (declaration) => broker.ensureQueue({ ...declaration, name: declaration.name.toLowerCase() }),
      publish: (messages) =>
        broker.publish(messages.map((message) => ({ ...message, queue: message.queue.toLowerCase() }))),
      depth: (queue) => broker.depth(queue.toLowerCase()),
    })),
  ),
  brokerSaboteur(
    "asks for revocations when it publishes and never again",
    ["revoke/races-with-publishing"],
    (() => {
      const known = new Set<string>();
      const revoked = new Set<string>();
      return claim({}, (broker) => ({
        async publish(messages) {
          const wanted = messages.filter(({ id }) => !revoked.has(id));
          await null;
          await null;
          for (const { id } of wanted) known.add(id);
          await broker.publish(wanted);
          return messages.map(({ id }) => ({ id, status: "accepted" }));
        },
        async revoke(ids) {
          for (const id of ids) revoked.add(id);
          await broker.revoke(ids.filter((id) => known.has(id)));
          return ids.map((id) => ({ id, status: "unknown" }));
        },
      }));
    })(),
  ),
  brokerSaboteur(
    "refuses what is of a newer version",
    ["versions/newer-envelopes-pass"],
    claim({}, (broker) => ({
      publish: (messages) => broker.publish(messages.filter(({ headers }) => (headers.v ?? 1) <= 1)),
    })),
  ),
  brokerSaboteur(
    "sets aside only what it understands of a message",
    ["versions/newer-envelopes-are-set-aside-whole"],
    claim({}, (broker) => ({
      deadLetters: async (...query) =>
        (await broker.deadLetters(...query)).map(({ headers: { task, attempt }, ...letter }) => {
          const headers: Headers = attempt === undefined ? { task } : { task, attempt };
          return { ...letter, headers };
        }),
    })),
  ),
  brokerSaboteur("mistakes the fiftieth retry of a message for a loop", ["delay/a-hundred-retries"], (broker) =>
    butDeliveries(broker, (delivery) =>
      but(delivery, {
        requeue: (options) =>
          (delivery.message.headers.attempt ?? 1) < 50 ? delivery.requeue(options) : delivery.ack(),
      }),
    ),
  ),
  brokerSaboteur("waits for no delay that is longer than a timer's", ["delay/requeue-with-any-delay"], (broker) =>
    butDeliveries(broker, (delivery) =>
      but(delivery, {
        requeue: ({ delayMs = 0, ...rest } = {}) =>
          delivery.requeue({ ...rest, delayMs: delayMs < 2 ** 31 ? delayMs : 1 }),
      }),
    ),
  ),
  brokerSaboteur("keeps from its holder what comes again", ["redelivery/comes-again-to-its-holder"], (broker) =>
    but<Broker>(broker, butFresh(broker)),
  ),
];
