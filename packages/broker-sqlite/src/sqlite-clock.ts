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
  /** When something that runs many times a second last ran; undefined while nothing does. */
  #beatAt: number | undefined;

  constructor(source: ClockSource = HOST) {
    this.#source = source;
    this.#now = source.wall();
    this.#steadyAt = source.steady();
  }

  /** ms since the epoch, whole, never less than before. */
  now(): number {
    // The wall first: a process that is held between the two readings is then behind the truth, never ahead of it.
    const wall = this.#source.wall();
    const steady = this.#source.steady();
    const elapsed = Math.max(0, steady - this.#steadyAt);
    const ahead = this.#now + elapsed > wall;
    const next = ahead ? Math.max(wall, this.#now + elapsed * 0.9) : wall;
    // A leap of the wall alone is a suspended machine or a corrected clock: leases look older than they are.
    const leapt = next - this.#now - elapsed > STILL_MS;
    // A long silence of what beats is a process that stood still, whoever asks first afterwards.
    const stood = this.#beatAt !== undefined && steady - this.#beatAt > STILL_MS;
    if (leapt || stood) this.#reapFrom = steady + REAP_GRACE_MS;
    if (stood) this.#beatAt = steady;
    this.#now = next;
    this.#steadyAt = steady;
    return Math.floor(next);
  }

  /** As {@link now}, from something that runs many times a second. */
  beat(): number {
    const now = this.now();
    this.#beatAt = this.#steadyAt;
    return now;
  }

  /** Nothing beats from now on, until it beats again. */
  rest(): void {
    this.#beatAt = undefined;
  }

  /** Another process has seen this time. */
  observe(now: number): void {
    // What passed since the last reading belongs to that reading, and must not be added to this one.
    this.now();
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
