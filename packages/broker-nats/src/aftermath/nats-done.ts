import { atMost } from "@lovage/core/brokers";
import type { NatsLink } from "../connection/nats-link.ts";
import { ackFacts } from "../consuming/nats-acks.ts";
import type { NatsClaim } from "../consuming/nats-settlements.ts";
import { Recent } from "../delay/nats-recent.ts";
import type { Layout } from "../queues/nats-layout.ts";
import type { Streams } from "../queues/nats-streams.ts";

export interface DoneOptions {
  readonly link: NatsLink;
  readonly layout: Layout;
  readonly streams: Streams;
  /** The server may have again what it has said to be acknowledged. */
  readonly affected: boolean;
}

interface Queue {
  /** When each was stored, in ms, by its number. */
  readonly acked: Recent<number, number>;
  /** On which that holds. */
  serverId: string | undefined;
  removing: Promise<void> | undefined;
}

const AT_ONCE = 50;
const MOST_MS = 500;

/**
 * What this connection has acknowledged, and the server has confirmed. One before 2.10 that was killed may have it again; then it is removed
 * before anything is pulled: the very message, known by its number and by when it was stored. So it is done once as long as who did it lives, and
 * nobody else has pulled it before.
 */
export class Done {
  readonly #options: DoneOptions;
  readonly #queues = new Map<string, Queue>();

  constructor(options: DoneOptions) {
    this.#options = options;
  }

  acked(queue: string, { reply, seq }: NatsClaim): void {
    const { affected, link } = this.#options;
    if (!affected) return;
    let known = this.#queues.get(queue);
    if (known === undefined) {
      known = { acked: new Recent(), serverId: link.connection.info?.server_id, removing: undefined };
      this.#queues.set(queue, known);
    }
    known.acked.set(seq, millisecond(ackFacts(reply).storedAt));
  }

  /**
   * After each reconnect, and before anything is pulled. Resolves when all is removed, or after half a second: the newest go first, and older ones
   * are seldom given out again. Where the server cannot answer, nothing is noted as removed, and the next call begins anew.
   */
  async removeAgain(queue: string): Promise<void> {
    const known = this.#queues.get(queue);
    if (known === undefined || known.serverId === this.#options.link.connection.info?.server_id) return;
    known.removing ??= this.#remove(queue, known).finally(() => {
      known.removing = undefined;
    });
    await atMost(known.removing, MOST_MS);
  }

  async #remove(queue: string, known: Queue): Promise<void> {
    const { link, layout, streams } = this.#options;
    const serverId = link.connection.info?.server_id;
    const stream = layout.readyStream(queue);
    const info = await streams.info(stream, { deleted_details: true });
    const { first_seq: first = 0, last_seq: last = 0, deleted } = info?.state ?? {};
    const gone = new Set(deleted);
    const there = [...known.acked.entries()].filter(([seq]) => seq >= first && seq <= last && !gone.has(seq));
    const remove = async (): Promise<void> => {
      for (let next = there.pop(); next !== undefined; next = there.pop()) {
        const [seq, storedAt] = next;
        const stored = await streams.message(stream, { seq });
        if (stored !== undefined && Date.parse(stored.time) === storedAt) await streams.deleteMessage(stream, seq);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, remove));
    known.serverId = serverId;
    // Started again meanwhile.
    if (link.connection.info?.server_id !== serverId) await this.#remove(queue, known);
  }
}

function millisecond(nanoseconds: string): number {
  return Number(nanoseconds.slice(0, -6));
}
