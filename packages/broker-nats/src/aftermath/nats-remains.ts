import { type AckFacts, nanosecond } from "../consuming/nats-acks.ts";
import type { StoredMessage, Streams } from "../queues/nats-streams.ts";

/** First hand-overs that were seen here, from one to another, of one consumer: a stretch of a stream of which it is known how it was counted. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  /** Of the last of them, in nanoseconds by the server's clock. */
  readonly storedAt: string;
}

/**
 * What a stored message is, while its consumer says that nobody holds anything and that it has given out everything up to `delivered`. Within a
 * stretch that was seen before the server was killed, and stored no later than its end, it has been given out, and was acknowledged: `remains`.
 * Stored later, and yet with a place that was taken before, it has taken the place of another: the server counts anew (seen on 2.9.10), and its
 * consumer takes it for delivered, which it is not. Past all that nothing can be said.
 */
export function natureOf(
  { seq, time }: Pick<StoredMessage, "seq" | "time">,
  { to, storedAt }: Stretch,
  delivered: number,
): "remains" | "counted anew" | "beyond" {
  if (seq > to) return "beyond";
  if (BigInt(nanosecond(time)) > BigInt(storedAt)) return "counted anew";
  return seq <= delivered ? "remains" : "beyond";
}

export interface RemainsOptions {
  readonly streams: Streams;
  readonly stream: string;
  readonly subjectOf: (consumer: string) => string;
}

const AT_ONCE = 50;
const FIRST_LOOK_MS = 1_000;
const MOST_LOOK_MS = 30_000;

/**
 * A server before 2.10 that was killed may have kept an acknowledgement and lost the removal that came of it: the message is given to nobody
 * any more, and stays. Whoever saw such messages pass before removes them, at a moment in which nobody holds any.
 */
export class Remains {
  readonly #options: RemainsOptions;
  readonly #seen = new Map<string, Stretch>();
  readonly #before: (readonly [consumer: string, Stretch])[] = [];
  #look: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(options: RemainsOptions) {
    this.#options = options;
  }

  /** Of a first hand-over. */
  passed({ consumer, seq, storedAt }: AckFacts): void {
    const stretch = this.#seen.get(consumer);
    if (stretch === undefined) this.#seen.set(consumer, { from: seq, to: seq, storedAt });
    else if (seq > stretch.to) this.#seen.set(consumer, { ...stretch, to: seq, storedAt });
  }

  /** The server is another one, or was started again. Looks until there was a moment in which nobody held anything. */
  serverChanged(): void {
    this.#before.push(...this.#seen);
    this.#seen.clear();
    this.#lookIn(FIRST_LOOK_MS);
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#look);
  }

  #lookIn(ms: number): void {
    clearTimeout(this.#look);
    if (this.#ended || this.#before.length === 0) return;
    // Whoever looks first leaves nothing to do to the others.
    this.#look = setTimeout(
      () => {
        this.#lookThrough().then(
          () => this.#lookIn(Math.min(MOST_LOOK_MS, ms * 2)),
          // The server cannot say just now.
          () => this.#lookIn(Math.min(MOST_LOOK_MS, ms * 2)),
        );
      },
      ms * (0.5 + Math.random()),
    ).unref();
  }

  async #lookThrough(): Promise<void> {
    const { streams, stream } = this.#options;
    for (const entry of [...this.#before]) {
      const [consumer, stretch] = entry;
      const info = await streams.consumer(stream, consumer);
      if (info !== undefined && info.num_ack_pending > 0) continue;
      if (info !== undefined) await this.#remove(consumer, stretch, info.delivered.stream_seq);
      const at = this.#before.indexOf(entry);
      if (at >= 0) this.#before.splice(at, 1);
    }
  }

  async #remove(consumer: string, stretch: Stretch, delivered: number): Promise<void> {
    const { streams, stream, subjectOf } = this.#options;
    let seqs: number[] = [];
    const remove = async (): Promise<void> => {
      const removed = seqs.map((seq) => streams.deleteMessage(stream, seq));
      seqs = [];
      await Promise.all(removed);
    };
    for (let seq = stretch.from; !this.#ended; ) {
      const stored = await streams.message(stream, { seq, next_by_subj: subjectOf(consumer) });
      const nature = stored === undefined ? "beyond" : natureOf(stored, stretch, delivered);
      // Made again by whoever finds it missing, and then it gives out all that there is.
      if (nature === "counted anew") await streams.deleteConsumer(stream, consumer);
      if (stored === undefined || nature !== "remains") break;
      seqs.push(stored.seq);
      seq = stored.seq + 1;
      if (seqs.length >= AT_ONCE) await remove();
    }
    await remove();
  }
}
