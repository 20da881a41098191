/** Real brokers with a window cut into them: what the engine asks can be counted, and ownership taken away. */

import type { Broker, BrokerCapabilities, BrokerEvent, Delivery } from "../../src/contracts/index.ts";

/** Every delivery passes through `eachDelivery` on its way to the consumer. */
export function wrap(broker: Broker, eachDelivery: (delivery: Delivery) => Delivery): Broker {
  return new Proxy(broker, {
    get(target, key) {
      if (key === "consume")
        return (...[options, onDeliveries]: Parameters<Broker["consume"]>) =>
          target.consume(options, (batch) => onDeliveries(batch.map(eachDelivery)));
      const value = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

export function countingRenewals(inner: Broker): { broker: Broker; renewed: (times: number) => Promise<void> } {
  let count = 0;
  let wake = () => {};
  const broker = wrap(inner, (delivery) => {
    const renew = delivery.renew.bind(delivery);
    delivery.renew = () => {
      count++;
      wake();
      return renew();
    };
    return delivery;
  });
  return {
    broker,
    renewed: async (times) => {
      while (count < times)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    },
  };
}

/** `lose()` gives every delivery back behind the engine's back and reports it lost, as a cut connection would. */
export function losing(inner: Broker): { broker: Broker; lose: () => Promise<void> } {
  const deliveries: Delivery[] = [];
  const listeners = new Set<(event: BrokerEvent) => void>();
  const wrapped = wrap(inner, (delivery) => {
    deliveries.push(delivery);
    return delivery;
  });
  const broker = new Proxy(wrapped, {
    get(target, key) {
      if (key !== "onEvent") return Reflect.get(target, key);
      return (listener: (event: BrokerEvent) => void) => {
        listeners.add(listener);
        return inner.onEvent(listener);
      };
    },
  });
  return {
    broker,
    lose: async () => {
      const lost = deliveries.splice(0);
      const released = lost.map((delivery) => delivery.release());
      for (const { queue, message } of lost)
        for (const listener of listeners) listener({ type: "ownership-lost", queue, ids: [message.id] });
      await Promise.all(released);
    },
  };
}

/** Answers each release only after the message it gave back has come again, as one command that settles and claims does. */
export function hastyRedelivery(inner: Broker): Broker {
  let again = Promise.withResolvers<void>();
  return wrap(inner, (delivery) => {
    if (delivery.redelivered) queueMicrotask(() => again.resolve());
    const release = delivery.release.bind(delivery);
    delivery.release = async () => {
      again = Promise.withResolvers();
      const settlement = await release();
      await again.promise;
      return settlement;
    };
    return delivery;
  });
}

/** Says of itself what is given here. */
export function limited(inner: Broker, claims: Partial<BrokerCapabilities>): Broker {
  return new Proxy(inner, {
    get(target, key) {
      if (key === "capabilities") return { ...target.capabilities, ...claims };
      const value = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
