/** The maintainers' client alone, on the stream and the consumer that Lovage makes: every acknowledgement is confirmed. */

import { randomUUID } from "node:crypto";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";
import { type BareProducer, bare } from "./bare.ts";
import type { Peer } from "./peer.ts";
import { inFlight } from "./peer-process.ts";

/** As the adapter names what it makes for the queue `io`. */
export const STREAM = "lovage-q-io";
export const CONSUMER = "b0";
const SUBJECT = "lovage.q.io.0";
const HEADER = "Lovage";

async function produce(url: string): Promise<BareProducer> {
  const connection = await connect({ servers: url, noAsyncTraces: true });
  const client = jetstream(connection);
  const manager = await jetstreamManager(connection);
  const sample = await manager.streams.getMessage(STREAM, { last_by_subj: SUBJECT });
  if (sample === null) throw new Error(`${STREAM} holds no message`);
  const { data, header } = sample;
  await manager.streams.purge(STREAM);
  return {
    store: (count, window) =>
      inFlight(count, window, () => {
        const own = headers();
        own.set(HEADER, header.get(HEADER));
        return client.publish(SUBJECT, data, { headers: own, msgID: randomUUID() });
      }),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

export const bareNats: Peer = bare({
  name: "@nats-io",
  note: "@nats-io is the client alone, with the messages, the stream and the consumer of Lovage, each acknowledgement confirmed: no task is found or run, no lease is renewed.",
  broker: "nats",
  worker: "bare-nats-worker.js",
  windows: [100, 500],
  produce,
});
