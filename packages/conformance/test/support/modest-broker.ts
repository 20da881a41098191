import {
  type Broker,
  type BrokerCapabilities,
  CapabilityMissingError,
  type Delivery,
  type QueueDepth,
} from "@lovage/core/contracts";
import type { SleepyBroker } from "@lovage/core/testing";
import type { BrokerHarness } from "../../src/index.ts";
import { claim } from "../../src/saboteurs/claim.ts";
import { memoryHarness } from "../../src/saboteurs/memory-harness.ts";
import { but, butDeliveries } from "../../src/saboteurs/tamper.ts";

const RENEW_MS = 200;
const OVERDUE_MS = 300;
const missing = async (): Promise<never> => {
  throw new CapabilityMissingError("this broker cannot do that", { subject: { capability: "any" } });
};

const NO_NUMBERS = { ready: false, delayed: false, owned: false, dead: false };
const UNKNOWN: QueueDepth = {
  ready: undefined,
  delayed: undefined,
  owned: undefined,
  dead: undefined,
  paused: undefined,
};

const MODEST: Partial<BrokerCapabilities> = {
  dedupe: "window",
  priority: "banded",
  stablePosition: false,
  delayedRemove: false,
  countsDeliveries: false,
  countsStarts: false,
  depth: NO_NUMBERS,
  oldestReadyAge: false,
  purgeKeepsOwned: false,
  pause: false,
  deadLetterBrowse: false,
  brokerClock: false,
};

/** The memory broker with the least that a broker may answer, and what it answers is so. */
export function modestHarness(claims: Partial<BrokerCapabilities>): BrokerHarness {
  const capabilities = { ...MODEST, ...claims };
  let overdue = false;
  const harness = memoryHarness({ tamper: (broker) => modest(broker, capabilities, () => overdue) });
  return {
    ...harness,
    name: "modest",
    create: ({ clockOffsetMs: _offset, ...options } = {}) => harness.create(options),
    faults: {
      ...harness.faults,
      // What a durable server does: it is back with what it had.
      restart: async () => harness.faults?.reset?.(),
      powerCut: async () => harness.faults?.reset?.(),
      async overdue() {
        overdue = true;
        return async () => {
          overdue = false;
        };
      },
    },
    buried: async (queue) => {
      for (const broker of inners) {
        const letters = await broker.deadLetters(queue).catch(() => []);
        if (letters.length > 0) return letters.map(({ id }) => id);
      }
      return [];
    },
  };
}

/** All that were made, for a look at what the contract does not show. */
const inners = new Set<SleepyBroker>();

function modest(broker: SleepyBroker, capabilities: Partial<BrokerCapabilities>, overdue: () => boolean): Broker {
  inners.add(broker);
  const owner = capabilities.ownership === "connection" ? new Connection(broker, overdue) : undefined;
  const changed = butDeliveries(broker, (delivery) => {
    const plain = but(delivery, { deliveryCount: undefined, starts: undefined } as Partial<Delivery>);
    return owner?.own(plain) ?? plain;
  });
  return claim(capabilities, () => ({
    consume: (...request) => changed.consume(...request),
    depth: async (queue) => ({ ...(await broker.depth(queue)), ...UNKNOWN }),
    oldestReadyAge: async (queue) => {
      await broker.oldestReadyAge(queue);
      return undefined;
    },
    pause: missing,
    resume: missing,
    deadLetters: missing,
    redrive: missing,
    dropDead: missing,
  }))(broker);
}

/** Ownership that lasts as long as the connection: renewed behind the scenes, and lost with a cut. */
class Connection {
  readonly #held = new Map<Delivery, AbortController>();
  readonly #renewing: NodeJS.Timeout;
  readonly #overdue: () => boolean;

  constructor(broker: SleepyBroker, overdue: () => boolean) {
    this.#overdue = overdue;
    this.#renewing = setInterval(() => {
      for (const delivery of this.#held.keys()) delivery.renew().catch(() => this.#held.delete(delivery));
    }, RENEW_MS).unref();
    broker.onEvent(({ type }) => {
      if (type === "disconnected") this.#cut();
    });
  }

  own(delivery: Delivery): Delivery {
    const lost = new AbortController();
    this.#held.set(delivery, lost);
    if (this.#overdue()) setTimeout(() => this.#takeBack(delivery, lost), OVERDUE_MS).unref();
    const settle = (ask: () => Promise<"done" | "lost">) => async (): Promise<"done" | "lost"> => {
      if (lost.signal.aborted) return "lost";
      this.#held.delete(delivery);
      return ask();
    };
    return but(delivery, {
      leaseExpiresAt: undefined,
      lost: lost.signal,
      ack: settle(() => delivery.ack()),
      release: settle(() => delivery.release()),
    } as Partial<Delivery>);
  }

  #cut(): void {
    for (const [delivery, lost] of this.#held) this.#takeBack(delivery, lost);
    clearInterval(this.#renewing);
  }

  #takeBack(delivery: Delivery, lost: AbortController): void {
    if (!this.#held.delete(delivery)) return;
    lost.abort();
    void delivery.release();
  }
}
