import { EventEmitter } from "node:events";
import { type Broker, ConfigurationError, type LovageError } from "@lovage/core/contracts";
import type { SleepyBroker } from "@lovage/core/testing";
import { eventually } from "@lovage/core/testing";
import type { BrokerHarness } from "../broker/harness.ts";
import { memoryHarness } from "./memory-harness.ts";
import { type BrokerSaboteur, brokerSaboteur, SHORT_PATIENCE_MS } from "./saboteur.ts";
import { but } from "./tamper.ts";

const awayBut = (broker: SleepyBroker, changes: Partial<Broker>): Broker => but<Broker>(broker, changes);
const PASSWORD = "pa55-w0rd";

/** With a way in whose password is wrong, and what connecting with it does. */
export function lockedHarness(connect: () => Promise<void>): BrokerHarness {
  const harness = memoryHarness({ patienceMs: SHORT_PATIENCE_MS });
  return {
    ...harness,
    locked: { secret: PASSWORD, create: async () => but(await harness.create(), { connect }) },
  };
}

export function turnedAway(message: string): LovageError {
  return new ConfigurationError(message, { subject: { user: "lovage" } });
}

/** Leaves something behind each time that the connection was lost. */
function accumulating(): BrokerHarness {
  const timers: NodeJS.Timeout[] = [];
  const tamper = (broker: SleepyBroker): Broker => {
    broker.onEvent(({ type }) => {
      if (type === "disconnected") timers.push(setInterval(() => {}, 60_000));
    });
    return broker;
  };
  return {
    ...memoryHarness({ tamper, patienceMs: SHORT_PATIENCE_MS }),
    async close() {
      for (const timer of timers) clearInterval(timer);
    },
  };
}

/** What happens while there is no server, or one that does not answer. */
export const away: readonly BrokerSaboteur[] = [
  brokerSaboteur("gives up when the server is not there", ["server-away/start-waits-for-it"], (broker) =>
    awayBut(broker, {
      async connect(options) {
        if (broker.sleep !== "awake") throw new ConfigurationError("no such server");
        await broker.connect(options);
      },
    }),
  ),
  brokerSaboteur(
    "goes on connecting when it was called off",
    ["server-away/start-can-be-called-off", "lifecycle/connect-can-be-called-off"],
    (broker) => awayBut(broker, { connect: () => broker.connect() }),
  ),
  brokerSaboteur(
    "waits for the server to close",
    ["server-away/close-does-not-wait", "connection-loss/close-does-not-wait-for-the-server"],
    (broker) =>
      awayBut(broker, {
        async close() {
          await eventually("the server to be there", () => broker.sleep === "awake", { timeoutMs: 20_000 });
          await broker.close();
        },
      }),
  ),
  brokerSaboteur(
    "forgets its consumers when it was disconnected",
    ["server-away/work-goes-on-afterwards", "connection-loss/consuming-resumes"],
    (broker) => {
      let cut = false;
      broker.onEvent(({ type }) => {
        cut ||= type === "disconnected";
      });
      return awayBut(broker, {
        consume: (options, onDeliveries) => broker.consume(options, (batch) => void (cut || onDeliveries(batch))),
      });
    },
  ),
  {
    name: "never asks whether its connection is alive",
    caughtBy: ["connection-loss/half-open-is-noticed"],
    harness: () => memoryHarness({ heartbeats: false, patienceMs: SHORT_PATIENCE_MS }),
  },
  brokerSaboteur(
    "never says that it is connected",
    ["lifecycle/says-that-it-is-connected", "connection-loss/says-when-it-is-cut-and-back"],
    (broker) =>
      awayBut(broker, {
        onEvent: (listener) => broker.onEvent((event) => void (event.type === "connected" || listener(event))),
      }),
  ),
  {
    name: "leaves a timer behind with each cut",
    caughtBy: ["connection-loss/consuming-resumes"],
    harness: accumulating,
  },
  brokerSaboteur(
    "listens once more after each cut",
    ["connection-loss/consuming-resumes"],
    (() => {
      const socket = new EventEmitter();
      return (broker) => {
        broker.onEvent(({ type }) => {
          if (type === "connected") socket.on("data", () => {});
        });
        return broker;
      };
    })(),
  ),
  brokerSaboteur("hangs while publishers are held back", ["blocked/publishing-ends-and-settling-works"], (broker) =>
    awayBut(broker, {
      async publish(messages) {
        const outcomes = await broker.publish(messages);
        const blocked = outcomes.some(
          (outcome) => outcome.status === "refused" && outcome.error.code === "BROKER_BLOCKED",
        );
        return blocked ? new Promise(() => {}) : outcomes;
      },
    }),
  ),
  brokerSaboteur("keeps to itself that it is blocked", ["blocked/is-said"], (broker) =>
    awayBut(broker, {
      onEvent: (listener) => broker.onEvent((event) => void (event.type === "blocked" || listener(event))),
    }),
  ),
  {
    name: "shows the password that was turned away",
    caughtBy: ["secrets/wrong-credentials-end-the-start"],
    harness: () => lockedHarness(() => Promise.reject(turnedAway(`no entry with ${PASSWORD}`))),
  },
  {
    name: "knocks with a wrong password for ever",
    caughtBy: ["secrets/wrong-credentials-end-the-start"],
    harness: () => lockedHarness(() => new Promise(() => {})),
  },
  brokerSaboteur("tells in its errors what it could not send", ["secrets/an-outage-shows-none"], (broker) =>
    awayBut(broker, {
      publish: async (messages) =>
        (await broker.publish(messages)).map((outcome, index) =>
          outcome.status === "unknown"
            ? { ...outcome, error: turnedAway(`could not send ${JSON.stringify(messages[index])}`) }
            : outcome,
        ),
    }),
  ),
];
