import type { BrokerKind } from "../measure/bench-place.ts";
import { bareAmqplib } from "./bare-amqplib.ts";
import { bareNats } from "./bare-nats.ts";
import { beeQueue } from "./bee-queue.ts";
import { bullmq } from "./bullmq.ts";
import type { Peer } from "./peer.ts";
import { plainjob } from "./plainjob.ts";

const PEERS: Readonly<Record<string, readonly Peer[]>> = {
  sqlite: [plainjob],
  redis: [bullmq, beeQueue],
  rabbitmq: [bareAmqplib],
  nats: [bareNats],
};

/** The queues that use this kind of server and are worth a comparison; none where we know of none. */
export function peersOf(broker: BrokerKind): readonly Peer[] {
  return PEERS[broker.name] ?? [];
}
