import { type Broker, BrokerBlockedError, type BrokerEvent } from "@lovage/core/contracts";
import { type MemoryServer, memoryBroker, memoryServer } from "@lovage/core/memory";
import { type SleepyBroker, sleepyBroker } from "@lovage/core/testing";
import type { BrokerHarness } from "../broker/harness.ts";
import { but } from "./tamper.ts";

const MAX_MESSAGES = 20_000;
/** How often the wire asks whether the other end is there. */
const HEARTBEAT_MS = 100;

export interface MemoryHarnessOptions {
  /** What is done to each connection, and so what the scenarios see. */
  readonly tamper?: (broker: SleepyBroker) => Broker;
  readonly patienceMs?: number;
  /** False: nobody notices a half-open wire. */
  readonly heartbeats?: boolean;
}

/**
 * Memory brokers on one server, each behind a wire that can fail: memory itself cannot lose a connection. A restart forgets everything,
 * which is what memory promises.
 */
export function memoryHarness(options: MemoryHarnessOptions = {}): BrokerHarness {
  let server: MemoryServer = memoryServer({ name: "conformance", maxMessages: MAX_MESSAGES });
  const open = new Set<SleepyBroker>();
  const all = (act: (broker: SleepyBroker) => void): void => {
    for (const broker of open) act(broker);
  };
  const wake = async (): Promise<void> => all((broker) => broker.wake());
  const blockades = new Set<Blockade>();
  let refusing = false;
  let blocked = false;
  return {
    name: "memory",
    ...(options.patienceMs === undefined ? {} : { patienceMs: options.patienceMs }),
    create(connection = {}): Broker {
      const broker = sleepyBroker(memoryBroker({ server }), connection);
      open.add(broker);
      if (refusing) broker.disconnect();
      const blockade = new Blockade(broker, () => blocked);
      blockades.add(blockade);
      const behindWire = blockade.guard(connection.clockOffsetMs ?? 0);
      return options.tamper?.(behindWire) ?? behindWire;
    },
    heartbeatMs: HEARTBEAT_MS,
    skewable: true,
    faults: {
      async restart() {
        server = memoryServer({ name: "conformance", maxMessages: MAX_MESSAGES });
      },
      async freeze() {
        all((broker) => broker.hang());
        return wake;
      },
      async dropReplies() {
        all((broker) => broker.dropReplies());
        return wake;
      },
      async reset() {
        all((broker) => broker.disconnect());
        await wake();
      },
      async refuse() {
        refusing = true;
        all((broker) => broker.disconnect());
        return async () => {
          refusing = false;
          await wake();
        };
      },
      async halfOpen() {
        const silenced = [...open];
        for (const broker of silenced) broker.hang();
        const notice = async (): Promise<void> => {
          for (const broker of silenced) {
            if (broker.sleep !== "hanging") continue;
            broker.disconnect();
            broker.wake();
          }
        };
        if (options.heartbeats !== false) setTimeout(notice, 2 * HEARTBEAT_MS);
        return notice;
      },
      async block() {
        blocked = true;
        for (const blockade of blockades) blockade.say({ type: "blocked", reason: "memory" });
        return async () => {
          blocked = false;
          for (const blockade of blockades) blockade.say({ type: "unblocked" });
        };
      },
      async fill() {
        const filler = memoryBroker({ server });
        await filler.connect();
        await filler.ensureQueue({ name: "filler" });
        const message = { queue: "filler", headers: { task: "filler" }, body: "", priority: 5 };
        let outcomes = await filler.publish([{ ...message, id: "0" }]);
        for (let id = 1; outcomes.every(({ status }) => status === "accepted"); id += 1) {
          outcomes = await filler.publish([{ ...message, id: String(id) }]);
        }
        return async () => {
          await filler.destroyQueue("filler");
          await filler.close();
        };
      },
    },
  };
}

/** What memory itself has not: a server that holds publishers back, and a clock of the client's own. */
class Blockade {
  readonly #broker: SleepyBroker;
  readonly #blocked: () => boolean;
  readonly #listeners = new Set<(event: BrokerEvent) => void>();

  constructor(broker: SleepyBroker, blocked: () => boolean) {
    this.#broker = broker;
    this.#blocked = blocked;
  }

  say(event: BrokerEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** `clockOffsetMs`: what the client's clock shows beyond the server's; delays are sent as durations. */
  guard(clockOffsetMs: number): SleepyBroker {
    return but(this.#broker, {
      publish: async (messages) => {
        if (this.#blocked()) {
          const error = new BrokerBlockedError("the server holds publishers back");
          return messages.map(({ id }) => ({ id, status: "refused", error }));
        }
        return this.#broker.publish(
          messages.map(({ dueAt, ...message }) =>
            dueAt === undefined ? message : { ...message, dueAt: dueAt - clockOffsetMs },
          ),
        );
      },
      onEvent: (listener) => {
        const unlisten = this.#broker.onEvent(listener);
        this.#listeners.add(listener);
        return () => {
          unlisten();
          this.#listeners.delete(listener);
        };
      },
    });
  }
}
