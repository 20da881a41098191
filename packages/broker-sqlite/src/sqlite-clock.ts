/**
 * The broker's clock: the host's wall clock, guarded.
 *
 * It never goes back. When the wall clock is set back, this clock goes on at nine tenths of its speed until the wall has caught up;
 * the highest time seen is kept in the file, so that a process which starts after the step agrees with those that ran before it.
 *
 * It notices when this process, or the whole machine, stood still: holders of leases could not renew them meanwhile, so for
 * {@link REAP_GRACE_MS} afterwards nobody in this process reaps, and holders that are alive renew first.
 */

/** Longer than a loop is held by a slow disk or a large batch, far shorter than any lease. */
const STILL_MS = 1_000;
export const REAP_GRACE_MS = 1_000;

export interface ClockSource {
  readonly wall: () => number;
  /** ms on a clock that is never set. */
  readonly steady: () => number;
}

const HOST: ClockSource = { wall: () => Date.now(), steady: () => performance.now() };

export class SqliteClock {
  readonly #source: ClockSource;
  #now: number;
  #steadyAt: number;
  #reapFrom: number = Number.NEGATIVE_INFINITY;

  constructor(source: ClockSource = HOST) {
    this.#source = source;
    this.#now = source.wall();
    this.#steadyAt = source.steady();
  }

  /** ms since the epoch, whole, never less than before. */
  now(): number {
    const steady = this.#source.steady();
    const elapsed = Math.max(0, steady - this.#steadyAt);
    const wall = this.#source.wall();
    const ahead = this.#now + elapsed > wall;
    const next = ahead ? Math.max(wall, this.#now + elapsed * 0.9) : wall;
    // A leap of the wall alone is a suspended machine or a corrected clock: leases look older than they are.
    if (next - this.#now - elapsed > STILL_MS) this.#reapFrom = steady + REAP_GRACE_MS;
    this.#now = next;
    this.#steadyAt = steady;
    return Math.floor(next);
  }

  /** As {@link now}, from something that runs many times a second: a long silence means that the process stood still. */
  beat(): number {
    const before = this.#steadyAt;
    const now = this.now();
    if (this.#steadyAt - before > STILL_MS) this.#reapFrom = this.#steadyAt + REAP_GRACE_MS;
    return now;
  }

  /** Another process has seen this time. */
  observe(now: number): void {
    if (now > this.#now) this.#now = now;
  }

  /** Whether leases that have ended may be given to others. */
  mayReap(): boolean {
    return this.#source.steady() >= this.#reapFrom;
  }

  /** ms until reaping is allowed again. */
  reapInMs(): number {
    return Math.max(0, this.#reapFrom - this.#source.steady());
  }
}
