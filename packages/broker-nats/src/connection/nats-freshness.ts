/**
 * When what is read now can have been sent at the earliest: not before the last request whose answer has been read, for on one connection all
 * comes in order. A link that was frozen, or a process that stood still, then finds messages whose leases began long ago.
 */
export class Freshness {
  readonly #ask: () => Promise<void>;
  #provenAt = Date.now();
  #askedAt = 0;

  /** `ask`: resolves when the server has answered, and rejects with the connection. */
  constructor(ask: () => Promise<void>) {
    this.#ask = ask;
  }

  /** By our wall clock, in ms. */
  get provenAt(): number {
    return this.#provenAt;
  }

  /** Something that was asked then has its answer. */
  proven(askedAt: number): void {
    this.#provenAt = Math.max(this.#provenAt, askedAt);
  }

  /**
   * Asks the server for a sign of life, unless it was asked or gave one within `withinMs`. Also while others are unanswered: when the link
   * thaws, the last of them counts.
   */
  prove(withinMs: number): void {
    const askedAt = Date.now();
    if (askedAt - Math.max(this.#provenAt, this.#askedAt) < withinMs) return;
    this.#askedAt = askedAt;
    // Of a connection that breaks there is nothing to prove.
    this.#ask().then(
      () => this.proven(askedAt),
      () => {},
    );
  }
}
