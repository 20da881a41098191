import type { NatsLink } from "../connection/nats-link.ts";
import type { AckFacts } from "./nats-acks.ts";

const ANSWER_MS = 1_000;

/**
 * Pulls that nobody listens to any more stay with the server until it looks at them: at their next heartbeat, or when it is asked about the
 * consumer. One before 2.10.15 that meanwhile has something to deliver again, and finds no other pull, steps back by one message: what it gave
 * out last is then given to the next who asks as if for the first time, although somebody holds it, and what it had in hand waits for its lease
 * (nats-server 5305 and 5338).
 *
 * So it is asked after pulls were called off, and before something is given back. It takes both in this order, on one connection.
 */
export class DeadPulls {
  readonly #link: NatsLink;
  readonly #affected: boolean;
  readonly #asked = new Set<string>();

  constructor(link: NatsLink, affected: boolean) {
    this.#link = link;
    this.#affected = affected;
  }

  /** Once in a turn, however often it is called. */
  drop({ stream, consumer }: Pick<AckFacts, "stream" | "consumer">): void {
    const place = `CONSUMER.INFO.${stream}.${consumer}`;
    if (!this.#affected || !this.#link.connected || this.#asked.has(place)) return;
    this.#asked.add(place);
    queueMicrotask(() => this.#asked.delete(place));
    // What it answers is no news.
    this.#link.ask(`${this.#link.apiPrefix}.${place}`, "", undefined, () => {}, ANSWER_MS);
  }
}
