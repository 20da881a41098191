/** amqplib alone: a quorum queue, persistent messages, confirms; consuming with a prefetch of 500 and an acknowledgement for every 250. */

import { randomUUID } from "node:crypto";
import { connect, type Options } from "amqplib";
import { type BareProducer, bare } from "./bare.ts";
import type { Peer } from "./peer.ts";

/** As the adapter names the queue `io`. */
export const QUEUE = "lovage:queue:io";

async function produce(url: string): Promise<BareProducer> {
  const connection = await connect(url, { noDelay: true });
  const channel = await connection.createConfirmChannel({ highWaterMark: 2_000 });
  const sample = await channel.get(QUEUE, { noAck: true });
  if (sample === false) throw new Error(`${QUEUE} holds no message`);
  const { priority, headers } = sample.properties;
  const properties = { persistent: true, mandatory: true, priority, headers } as Options.Publish;
  return {
    store(count, window) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      let sent = 0;
      let confirmed = 0;
      const pump = (): void => {
        while (sent < count && sent - confirmed < window) {
          sent += 1;
          channel.sendToQueue(QUEUE, sample.content, { ...properties, messageId: randomUUID() }, (error) => {
            if (error !== null) return reject(error);
            confirmed += 1;
            if (confirmed === count) resolve();
            else pump();
          });
        }
      };
      pump();
      return promise;
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

export const bareAmqplib: Peer = bare({
  name: "amqplib",
  note: "amqplib is the client alone, with the messages that Lovage stores, in a quorum queue: no task is found or run and nothing is kept for a crash. It acknowledges every 250 messages with one frame and awaits no answer; Lovage's acks are done when the server has answered.",
  broker: "rabbitmq",
  worker: "bare-amqplib-worker.js",
  windows: [500],
  produce,
});
