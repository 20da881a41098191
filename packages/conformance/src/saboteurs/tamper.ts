import type { Broker, Consumption, Delivery } from "@lovage/core/contracts";

/** The same object, but for some members. */
export function but<T extends object>(target: T, changes: Partial<T>): T {
  return new Proxy(target, {
    get(_target, key) {
      if (key in changes) return Reflect.get(changes, key);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** The same broker, but its deliveries are changed before they are handed over. */
export function butDeliveries(broker: Broker, change: (delivery: Delivery) => Delivery): Broker {
  return but(broker, {
    consume: (options, onDeliveries) => broker.consume(options, (batch) => onDeliveries(batch.map(change))),
  });
}

/** The same broker, but its consumptions are. */
export function butConsumptions(broker: Broker, change: (consumption: Consumption) => Consumption): Broker {
  return but(broker, {
    consume: async (options, onDeliveries) => change(await broker.consume(options, onDeliveries)),
  });
}

/** The same broker, but a consumption gets no message that it was given before. */
export function butFresh(broker: Broker): Pick<Broker, "consume"> {
  return {
    consume(options, onDeliveries) {
      const seen = new Set<string>();
      return broker.consume(options, (batch) => {
        const fresh = batch.filter(({ message }) => !seen.has(message.id));
        for (const { message } of batch) seen.add(message.id);
        if (fresh.length > 0) onDeliveries(fresh);
      });
    },
  };
}
