import type { NatsLink } from "../connection/nats-link.ts";
import { ackSubject } from "../consuming/nats-acks.ts";
import type { Layout } from "../queues/nats-layout.ts";
import type { Queues } from "../queues/nats-queues.ts";
import type { ConsumerInfo, StreamInfo, Streams } from "../queues/nats-streams.ts";

export interface GhostsOptions {
  readonly link: NatsLink;
  readonly layout: Layout;
  readonly streams: Streams;
  readonly queues: Queues;
}

const AT_ONCE = 1_000;
const MOST_UNPROVEN = 50_000;

/**
 * A server that was killed may remember of a message that somebody holds it, and have the message no longer: it was acknowledged, the removal
 * was kept and the acknowledgement was not. It counts it as owned, one before 2.10 for ever, and tries to deliver it again in front of others.
 * An acknowledgement of a place where nothing is any more ends that and can do no harm.
 */
export class Ghosts {
  readonly #options: GhostsOptions;
  /** Of the servers on which each queue was looked at. */
  readonly #looked = new Map<string, string | undefined>();

  constructor(options: GhostsOptions) {
    this.#options = options;
  }

  /** Of all queues: by whoever is elected, then, after each reconnect, and now and then. Rejects with what the server has against it. */
  async layAll(): Promise<void> {
    await Promise.all(this.#options.queues.names().map((queue) => this.#lay(queue)));
  }

  async #lay(queue: string): Promise<void> {
    const { layout, streams, queues, link } = this.#options;
    const serverId = link.connection.info?.server_id;
    const stream = layout.readyStream(queue);
    const bands = Array.from({ length: queues.known(queue)?.settings.bands ?? 0 }, (_, band) => layout.consumer(band));
    const before = (await streams.info(stream))?.state;
    const infos = (await Promise.all(bands.map((consumer) => streams.consumer(stream, consumer)))).filter(
      (info) => info !== undefined,
    );
    const after = (await streams.info(stream))?.state;
    if (before === undefined || after === undefined) return;
    // When the consumers were asked there were no more than these.
    const messages = before.messages + after.last_seq - before.last_seq;
    const newServer = this.#looked.get(queue) !== serverId;
    if (!isHaunted(infos, { messages, num_deleted: after.num_deleted ?? 0 }, newServer)) return;
    // Asked after the consumers: nothing that is gone by then comes back.
    const gone = (await streams.info(stream, { deleted_details: true }))?.state.deleted ?? [];
    for (const { name, delivered } of infos) {
      const given = gone.filter((seq) => seq <= delivered.stream_seq);
      while (given.length > 0) {
        // Not asked again should the connection break: then it is another server that knows what is gone.
        for (const seq of given.splice(0, AT_ONCE)) link.say(ackSubject(stream, name, seq), "+ACK");
        await link.flush();
      }
    }
    this.#looked.set(queue, serverId);
  }
}

/**
 * Whether there may be any. Surely, if the consumers know of more messages than there are; and perhaps on a server that was not looked at
 * before, where what should be gone may hide it. There may be millions of empty places below one that somebody holds for long, so without
 * proof no more are tried than a moment takes.
 */
export function isHaunted(
  consumers: readonly Pick<ConsumerInfo, "num_pending" | "num_ack_pending">[],
  { messages, num_deleted: gone = 0 }: Pick<StreamInfo["state"], "messages" | "num_deleted">,
  newServer: boolean,
): boolean {
  const held = consumers.reduce((sum, { num_ack_pending }) => sum + num_ack_pending, 0);
  const waiting = consumers.reduce((sum, { num_pending }) => sum + num_pending, 0);
  if (held === 0 || gone === 0) return false;
  return held + waiting > messages || (newServer && gone <= MOST_UNPROVEN);
}
