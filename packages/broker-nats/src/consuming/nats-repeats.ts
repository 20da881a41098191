import type { AckFacts } from "./nats-acks.ts";

type Mark = Pick<AckFacts, "seq" | "consumerSeq">;

/**
 * What a server before 2.10.15 gives out a second time as if it were the first: see {@link DeadPulls}. (Later ones count what they could not
 * deliver as not given out, so there it may be the first time.) First hand-overs of a consumer go up through its stream,
 * so one at or below what is known to have been given out is a repetition, and the message is somebody else's. Known from what arrives here,
 * and from heartbeats.
 */
export class Repeats {
  readonly #marks = new Map<string, Mark>();

  /** Heard before anything that comes later, and on the same connection. */
  given(consumer: string, { seq, consumerSeq }: Mark): void {
    const mark = this.#marks.get(consumer);
    // The count of hand-overs goes down only where the consumer is another one.
    const higher = mark === undefined || consumerSeq < mark.consumerSeq ? seq : Math.max(seq, mark.seq);
    this.#marks.set(consumer, { seq: higher, consumerSeq });
  }

  /** Whether this delivery is one; it is noted as given in any case. */
  isOne(facts: AckFacts): boolean {
    const { consumer, deliveryCount, seq, consumerSeq } = facts;
    const mark = this.#marks.get(consumer);
    this.given(consumer, facts);
    return mark !== undefined && consumerSeq > mark.consumerSeq && deliveryCount === 1 && seq <= mark.seq;
  }

  /** Another server, or one that was started again, may know less than it did. */
  forget(): void {
    this.#marks.clear();
  }
}
