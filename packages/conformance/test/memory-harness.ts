import type { Broker } from "@lovage/core/contracts";
import { memoryBroker, memoryServer } from "@lovage/core/memory";
import { type SleepyBroker, sleepyBroker } from "@lovage/core/testing";
import type { BrokerHarness } from "../src/index.ts";

const MAX_MESSAGES = 50_000;

/** Memory brokers on one server, each behind a wire that can fail: memory itself cannot lose a connection. */
export function memoryHarness(): BrokerHarness {
  const server = memoryServer({ name: "conformance", maxMessages: MAX_MESSAGES });
  const open = new Set<SleepyBroker>();
  const all = (act: (broker: SleepyBroker) => void): void => {
    for (const broker of open) act(broker);
  };
  const wake = async (): Promise<void> => all((broker) => broker.wake());
  return {
    name: "memory",
    create(options = {}): Broker {
      const broker = sleepyBroker(memoryBroker({ server }), options);
      open.add(broker);
      return broker;
    },
    faults: {
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
