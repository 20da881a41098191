import { RenewedMap } from "@lovage/core/brokers";
import type { Channel } from "amqplib";

/** A message that a channel has given us, from its arrival until its settlement was sent. */
export interface Tag {
  readonly number: number;
  /** Names the stored copy: the same for each delivery of it. */
  readonly copy: string;
  /** Its consumer's window has room for another. */
  settled(): void;
}

/**
 * What a channel has given us and we have not settled. Settlements are gathered and sent as few frames as their order allows: an
 * acknowledgement of everything up to a number never includes what is not settled.
 */
export class Unsettled {
  readonly #channel: Channel;
  /** In the order of their numbers, which is the order in which they arrived. */
  readonly #tags = new RenewedMap<number, Tag>();
  #acks: Tag[] = [];
  /** Sent, and not known to be handled; how many were before those. */
  #sent: Tag[] = [];
  #handled = 0;
  #answer: Promise<boolean> = Promise.resolve(true);
  #nextAnswer: Promise<boolean> | undefined;
  #ended = false;

  constructor(channel: Channel) {
    this.#channel = channel;
    channel.on("close", () => {
      this.#ended = true;
    });
  }

  get ended(): boolean {
    return this.#ended;
  }

  get size(): number {
    return this.#tags.size;
  }

  add(tag: Tag): void {
    this.#tags.set(tag.number, tag);
  }

  has(tag: Tag): boolean {
    return this.#tags.get(tag.number) === tag;
  }

  /** Sent with the next {@link flush}. */
  ack(tag: Tag): void {
    if (this.#tags.get(tag.number) === tag) this.#acks.push(tag);
  }

  /** At once. */
  giveBack(tag: Tag): void {
    if (this.#ended || !this.#take(tag)) return;
    this.#channel.nack({ fields: { deliveryTag: tag.number } } as never, false, true);
    this.#sent.push(tag);
  }

  /** Sends what was acked. */
  flush(): void {
    const acks = this.#acks;
    if (acks.length === 0 || this.#ended) return;
    this.#acks = [];
    const acked = acks.length < 2 ? undefined : new Set(acks);
    let upTo: Tag | undefined;
    if (acked !== undefined) {
      for (const tag of this.#tags.values()) {
        if (!acked.has(tag)) break;
        upTo = tag;
      }
    }
    if (upTo !== undefined) this.#send(upTo, true);
    for (const tag of acks) {
      if (!this.#take(tag)) continue;
      this.#sent.push(tag);
      if (upTo === undefined || tag.number > upTo.number) this.#send(tag, false);
    }
  }

  /**
   * Flushes; resolves with true once the server has handled all that was sent before. With false when the channel ended first: nobody
   * knows how much of it was.
   */
  handled(): Promise<boolean> {
    this.flush();
    // One question at a time, for a channel takes no second before it has answered: who comes meanwhile shares the next.
    this.#nextAnswer ??= this.#askNext();
    return this.#nextAnswer;
  }

  async #askNext(): Promise<boolean> {
    await this.#answer;
    this.#nextAnswer = undefined;
    this.#answer = this.#ask();
    return this.#answer;
  }

  async #ask(): Promise<boolean> {
    if (this.#ended) return false;
    const sent = this.#handled + this.#sent.length;
    try {
      // Any will do: the server answers those of one channel in order.
      await this.#channel.prefetch(0);
    } catch {
      return false;
    }
    this.#sent.splice(0, sent - this.#handled);
    this.#handled = sent;
    return true;
  }

  /** Copies whose settlement was sent, or about to be, when the channel ended: if they come again, they need only be settled again. */
  get doubtful(): readonly string[] {
    return [...this.#sent, ...this.#acks].map(({ copy }) => copy);
  }

  #take(tag: Tag): boolean {
    if (!this.#tags.delete(tag.number)) return false;
    tag.settled();
    return true;
  }

  #send(tag: Tag, upTo: boolean): void {
    this.#channel.ack({ fields: { deliveryTag: tag.number } } as never, upTo);
  }
}
