import type { Broker } from "@lovage/core/contracts";
import { type MemoryServer, memoryBroker, memoryServer } from "@lovage/core/memory";
import { type SleepyBroker, sleepyBroker } from "@lovage/core/testing";
import type { BrokerHarness } from "../broker/harness.ts";

const MAX_MESSAGES = 20_000;

export interface MemoryHarnessOptions {
  /** What is done to each connection, and so what the scenarios see. */
  readonly tamper?: (broker: SleepyBroker) => Broker;
  readonly patienceMs?: number;
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
  return {
    name: "memory",
    ...(options.patienceMs === undefined ? {} : { patienceMs: options.patienceMs }),
    create(connection = {}): Broker {
      const broker = sleepyBroker(memoryBroker({ server }), connection);
      open.add(broker);
      return options.tamper?.(broker) ?? broker;
    },
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
