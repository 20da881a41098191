/** An app on the memory broker, and a second connection that sees what arrived there. */

import { onTestFinished } from "vitest";
import type { Broker, Delivery, OutgoingMessage } from "../../src/contracts/index.ts";
import { type App, type AppOptions, createApp } from "../../src/index.ts";
import { type MemoryServerOptions, memoryBroker, memoryResults, memoryServer } from "../../src/memory/index.ts";

export interface Bench {
  readonly app: App;
  readonly broker: Broker;
  /** A connection of someone else to the same server. */
  readonly other: Broker;
  /** The batches given to `publish`, in order. */
  readonly published: readonly (readonly OutgoingMessage[])[];
  /** What is ready in a queue, taken; resolves once `count` have come. */
  take(queue: string, count?: number): Promise<readonly Delivery[]>;
}

export interface BenchOptions extends AppOptions {
  readonly server?: MemoryServerOptions;
  /** Puts something between the app and the broker. */
  readonly wire?: (broker: Broker) => Broker;
}

/** Closed at the end of the test. */
export async function bench({ server: settings, wire = (broker) => broker, ...options }: BenchOptions): Promise<Bench> {
  const server = memoryServer(settings);
  const published: OutgoingMessage[][] = [];
  const broker = watched(wire(memoryBroker({ server })), (batch) => published.push([...batch]));
  const other = memoryBroker({ server });
  await other.connect();
  const app = createApp({ broker, results: memoryResults({ server }), ...options });
  onTestFinished(async () => {
    await app.close();
    await other.close();
  });
  const take = async (queue: string, count = 1): Promise<readonly Delivery[]> => {
    const taken: Delivery[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const consumption = await other.consume({ queue, credit: 1_000_000 }, (batch) => {
      taken.push(...batch);
      if (taken.length >= count) resolve();
    });
    if (count > 0) await promise;
    await consumption.stop();
    return taken;
  };
  return { app, broker, other, published, take };
}

function watched(broker: Broker, onPublish: (batch: readonly OutgoingMessage[]) => void): Broker {
  return new Proxy(broker, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (key !== "publish") return typeof value === "function" ? value.bind(target) : value;
      return (batch: readonly OutgoingMessage[]) => {
        onPublish(batch);
        return target.publish(batch);
      };
    },
  });
}
