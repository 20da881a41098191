import type { Broker, BrokerCapabilities, Message } from "@lovage/core/contracts";
import type { BrokerHarness } from "../../src/index.ts";
import { memoryHarness } from "../../src/saboteurs/memory-harness.ts";
import { but, butDeliveries } from "../../src/saboteurs/tamper.ts";

type Answer = BrokerCapabilities["priority"];

const HIGHEST = 9;
const LOWEST = 0;

/** The memory broker, strict by nature, in another order, which it says and which is so. */
export function orderedHarness(answer: Extract<Answer, "banded" | "returned-first">): BrokerHarness {
  const order = answer === "banded" ? banded : returnedFirst;
  const tamper = (broker: Broker): Broker =>
    but(order(broker), {
      get capabilities() {
        return { ...broker.capabilities, priority: answer };
      },
    });
  return { ...memoryHarness({ tamper }), name: answer };
}

/** Every second message of the highest priority waits with the lowest: on average it overtakes, and nobody starves. */
function banded(broker: Broker): Broker {
  const priorities = new Map<string, Message["priority"]>();
  let highest = 0;
  const told = butDeliveries(broker, (delivery) => {
    const { message } = delivery;
    return but(delivery, { message: { ...message, priority: priorities.get(message.id) ?? message.priority } });
  });
  return but(told, {
    publish: (messages) =>
      broker.publish(
        messages.map((message) => {
          priorities.set(message.id, message.priority);
          if (message.priority !== HIGHEST) return message;
          highest += 1;
          return highest % 2 === 0 ? { ...message, priority: LOWEST } : message;
        }),
      ),
  });
}

/** What is given back is above all that can be published. */
function returnedFirst(broker: Broker): Broker {
  const returning = butDeliveries(broker, (delivery) =>
    but(delivery, {
      async release() {
        const settlement = await delivery.ack();
        await broker.publish([{ ...delivery.message, queue: delivery.queue, priority: HIGHEST }]);
        return settlement;
      },
    }),
  );
  return but(returning, {
    publish: (messages) =>
      broker.publish(messages.map((message) => ({ ...message, priority: Math.min(message.priority, HIGHEST - 1) }))),
  });
}
