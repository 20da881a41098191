import type { BrokerKind } from "../measure/bench-place.ts";
import { bareAmqplib } from "./bare-amqplib.ts";
import { bareNats } from "./bare-nats.ts";
import { beeQueue } from "./bee-queue.ts";
import { bullmq } from "./bullmq.ts";
import { celeryOn } from "./celery.ts";
import type { Peer } from "./peer.ts";
import { plainjob } from "./plainjob.ts";

const PEERS: Readonly<Record<string, readonly Peer[]>> = {
  sqlite: [plainjob],
  redis: [bullmq, beeQueue],
  rabbitmq: [bareAmqplib],
  nats: [bareNats],
};
const CELERYS = ["redis", "rabbitmq"];

export interface Peers {
  readonly peers: readonly Peer[];
  /** What must be said: about each comparison, and about one that could not be made. */
  readonly notes: readonly string[];
}

/** The queues that use this kind of server and are worth a comparison, where `wanted`; none where we know of none. */
export async function peersOf(broker: BrokerKind, wanted: boolean): Promise<Peers> {
  if (!wanted) return { peers: [], notes: [] };
  const peers = [...(PEERS[broker.name] ?? [])];
  const absent: string[] = [];
  if (CELERYS.includes(broker.name)) {
    try {
      peers.push(await celeryOn(broker));
    } catch (error) {
      absent.push(`Celery is not compared: ${(error as Error).message}.`);
    }
  }
  return { peers, notes: [...peers.map(({ note }) => note), ...absent] };
}
