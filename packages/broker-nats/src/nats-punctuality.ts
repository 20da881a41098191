const TICK_MS = 100;
const LATE_MS = 300;

/**
 * When something that is read now can have arrived at the earliest: a process that stood still finds messages in its socket that were sent
 * long ago, and their leases began then.
 */
export class Punctuality {
  #tickedAt = Date.now();
  readonly #timer: NodeJS.Timeout = setInterval(() => {
    this.#tickedAt = Date.now();
  }, TICK_MS).unref();

  now(): number {
    const now = Date.now();
    return now - this.#tickedAt > LATE_MS ? this.#tickedAt : now;
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
