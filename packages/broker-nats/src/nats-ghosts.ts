import { ackSubject } from "./nats-acks.ts";
import type { Layout } from "./nats-layout.ts";
import type { NatsLink } from "./nats-link.ts";
import type { Queues } from "./nats-queues.ts";
import type { Streams } from "./nats-streams.ts";

export interface GhostsOptions {
  readonly link: NatsLink;
  readonly layout: Layout;
  readonly streams: Streams;
  readonly queues: Queues;
}

const AT_ONCE = 1_000;

/**
 * A server that was killed may remember of a message that somebody holds it, and have the message no longer: it was acknowledged, the removal
 * was kept and the acknowledgement was not. It counts it as owned, one before 2.10 for ever, and tries to deliver it again in front of others.
 * An acknowledgement of a place where nothing is any more ends that and can do no harm.
 */
export class Ghosts {
  readonly #options: GhostsOptions;

  constructor(options: GhostsOptions) {
    this.#options = options;
  }

  /** Of all queues: by whoever is elected, then and after each reconnect. Rejects with what the server has against it. */
  async layAll(): Promise<void> {
    await Promise.all(this.#options.queues.names().map((queue) => this.#lay(queue)));
  }

  async #lay(queue: string): Promise<void> {
    const { layout, streams, queues, link } = this.#options;
    const stream = layout.readyStream(queue);
    const bands = Array.from({ length: queues.known(queue)?.settings.bands ?? 0 }, (_, band) => layout.consumer(band));
    const infos = await Promise.all(bands.map((consumer) => streams.consumer(stream, consumer)));
    const holding = infos.filter((info) => info !== undefined && info.num_ack_pending > 0);
    if (holding.length === 0) return;
    // Asked after the consumers: nothing that is gone by then comes back.
    const gone = (await streams.info(stream, { deleted_details: true }))?.state.deleted ?? [];
    for (const info of holding) {
      if (info === undefined) continue;
      const given = gone.filter((seq) => seq <= info.delivered.stream_seq);
      while (given.length > 0) {
        // Not asked again should the connection break: then it is another server that knows what is gone.
        for (const seq of given.splice(0, AT_ONCE)) link.say(ackSubject(stream, info.name, seq), "+ACK");
        await link.flush();
      }
    }
  }
}
