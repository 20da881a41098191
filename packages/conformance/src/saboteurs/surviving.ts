import type { Broker } from "@lovage/core/contracts";
import type { SleepyBroker } from "@lovage/core/testing";
import type { BrokerHarness } from "../broker/harness.ts";
import { memoryHarness } from "./memory-harness.ts";
import { type BrokerSaboteur, brokerSaboteur, SHORT_PATIENCE_MS } from "./saboteur.ts";
import { but, butDeliveries } from "./tamper.ts";

/** Keeps an interval running for every connection that was ever made. */
function lingering(): BrokerHarness {
  const timers: NodeJS.Timeout[] = [];
  const linger = (broker: Broker): Broker =>
    but(broker, {
      async connect(options) {
        timers.push(setInterval(() => {}, 60_000));
        await broker.connect(options);
      },
    });
  return {
    ...memoryHarness({ tamper: linger, patienceMs: SHORT_PATIENCE_MS }),
    async close() {
      for (const timer of timers) clearInterval(timer);
    },
  };
}

/** Writes a key for each message and removes none. */
function hoarding(): BrokerHarness {
  const keys: string[] = [];
  const hoard = (broker: Broker): Broker =>
    but(broker, {
      publish(messages) {
        keys.push(...messages.map(({ id }) => `message:${id}`));
        return broker.publish(messages);
      },
    });
  return { ...memoryHarness({ tamper: hoard, patienceMs: SHORT_PATIENCE_MS }), leftovers: async () => [...keys] };
}

const awayBut = (broker: SleepyBroker, changes: Partial<Broker>): Broker => but<Broker>(broker, changes);

export const surviving: readonly BrokerSaboteur[] = [
  {
    name: "leaves a timer behind with each connection",
    caughtBy: ["lifecycle/leaves-nothing-running"],
    harness: lingering,
  },
  {
    name: "leaks a key per message",
    caughtBy: ["leaks/nothing-per-message", "leaks/nothing-after-destroy"],
    harness: hoarding,
  },
  brokerSaboteur("loses on close what was asked before", ["lifecycle/close-sends-what-was-asked"], (broker) => {
    let closed = false;
    return but<Broker>(broker, {
      async publish(messages) {
        await new Promise((resolve) => setImmediate(resolve));
        return closed ? messages.map(({ id }) => ({ id, status: "accepted" })) : broker.publish(messages);
      },
      close() {
        closed = true;
        return broker.close();
      },
    });
  }),
  brokerSaboteur(
    "works on after close",
    ["lifecycle/close-is-final-and-idempotent", "lifecycle/dispose-closes"],
    (broker) => {
      let soon: NodeJS.Timeout | undefined;
      const closeSoon = async (): Promise<void> => {
        if (soon === undefined) soon = setTimeout(() => void broker.close(), 1_000);
      };
      return but<Broker>(broker, { close: closeSoon, [Symbol.asyncDispose]: closeSoon });
    },
  ),
  brokerSaboteur(
    "accepts what it cannot have stored",
    ["connection-loss/publishing-never-hangs", "connection-loss/lost-answer-is-unknown"],
    (broker) =>
      awayBut(broker, {
        async publish(messages) {
          if (broker.sleep === "awake") return broker.publish(messages);
          return messages.map(({ id }) => ({ id, status: "accepted" }));
        },
      }),
  ),
  brokerSaboteur("hangs while the server is away", ["connection-loss/publishing-never-hangs"], (broker) =>
    awayBut(broker, {
      publish: (messages) => (broker.sleep === "awake" ? broker.publish(messages) : new Promise(() => {})),
    }),
  ),
  brokerSaboteur(
    "drops settlements asked during an outage",
    ["connection-loss/settlements-outlast-an-outage", "server-away/settlements-are-kept"],
    (broker) =>
      butDeliveries(broker, (delivery) =>
        but(delivery, { ack: async () => (broker.sleep === "awake" ? delivery.ack() : "done") }),
      ),
  ),
];
