/** Consumes with the maintainers' JetStream client; every acknowledgement is confirmed. As a process of its own. */

import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { type BareOrder, enqueuedAt } from "./bare.ts";
import { CONSUMER, STREAM } from "./bare-nats.ts";
import { began, ended, orderOf, ready } from "./peer-worker.ts";

const { url, window, idle } = orderOf<BareOrder>();
// Without a stack trace for each request, which costs its loop more than anything else.
const connection = await connect({ servers: url, noAsyncTraces: true });
const consumer = await jetstream(connection).consumers.get(STREAM, CONSUMER);
ready();
const underWay = new Set<Promise<unknown>>();
for await (const message of await consumer.consume({ max_messages: window })) {
  began(idle ? enqueuedAt(message.data) : undefined);
  const acked = message.ackAck().finally(() => underWay.delete(acked));
  underWay.add(acked);
  ended();
  if (underWay.size >= window) await Promise.race(underWay);
}
