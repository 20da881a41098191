/**
 * How many deliveries a lane may hold beyond its slots. A buffer hides the broker's round trip from tasks that are shorter than it,
 * and is harmful for all others: short work queues behind long work while other workers idle (the prefetch convoy). So `auto` allows
 * 5 ms of work, by the measured duration of the tasks at hand, and only while each of them is known to take no longer than that; and
 * never more than the lane was seen to finish in 20 ms, so that nothing waits until it must be given back.
 */

const HORIZON_MS = 5;
/** A run this long is a surprise that counts at once: what waits behind it would have to be given back. A shorter one is a hiccup of the machine, and counts in the mean. */
const SURPRISE_MS = 50;
/** A task of which nothing was seen for this long no longer speaks against a buffer. */
const MEMORY_MS = 1_000;
/** How long the name of a task is kept at all. */
const FORGET_MS = 60_000;
/** Longer than a cycle of the broker takes on a slow disk, or the rate reached with a small buffer would never let it grow. */
const REACH_MS = 20;
/** What a task costs the engine whatever it does: tasks without a duration of their own are taken to last this long. */
const LEAST_MS = 0.01;
/** At 60,000 tasks a second these are 17 ms of work: what another worker that joins has to wait for at most. */
const MAX_BUFFER = 1_000;
/** Weight of a new duration in the mean of its task: about the last ten runs. */
const SMOOTHING = 0.2;

interface Seen {
  meanMs: number;
  at: number;
}

export class BufferGauge {
  readonly #fixed: number | undefined;
  readonly #tasks = new Map<string, Seen>();
  #finished = 0;
  #lastFinished = 0;
  #since = 0;
  #ratePerMs = 0;
  #mutedUntil = 0;

  constructor(setting: number | "auto") {
    this.#fixed = setting === "auto" ? undefined : setting;
  }

  /** A run of `task` took this long. */
  observe(task: string, durationMs: number, now: number): void {
    this.#finished++;
    const seen = this.#tasks.get(task);
    if (seen === undefined) {
      this.#tasks.set(task, { meanMs: durationMs, at: now });
      return;
    }
    // One surprise is enough to stop buffering; the way back takes several short runs.
    seen.meanMs =
      durationMs >= SURPRISE_MS
        ? Math.max(durationMs, seen.meanMs)
        : seen.meanMs + SMOOTHING * (durationMs - seen.meanMs);
    seen.at = now;
  }

  /** Called every 50 ms: learns the rate. */
  sample(now: number): void {
    const elapsed = now - this.#since;
    if (elapsed < 10) return;
    const rate = this.#finished / elapsed;
    this.#ratePerMs = this.#since === 0 ? 0 : Math.max(rate, this.#ratePerMs * 0.7 + rate * 0.3);
    this.#lastFinished = this.#finished;
    this.#finished = 0;
    this.#since = now;
  }

  /**
   * Something waited past its bound. Where the slots finished nothing meanwhile, their tasks are long, whatever they were before: no buffer for a
   * while. Else the machine stood still for a moment, and half of the buffer will do until the rate has shown that it needs more.
   */
  waitedTooLong(capacity: number, now: number): void {
    if (this.#lastFinished < capacity) this.#mutedUntil = now + MEMORY_MS;
    else this.#ratePerMs /= 2;
  }

  /** The buffer for now, of a lane with so many slots. */
  size(capacity: number, now: number): number {
    if (this.#fixed !== undefined) return this.#fixed;
    if (now < this.#mutedUntil) return 0;
    let longest: number | undefined;
    for (const [task, seen] of this.#tasks) {
      const age = now - seen.at;
      if (age > FORGET_MS) this.#tasks.delete(task);
      if (age > MEMORY_MS) continue;
      longest = Math.max(longest ?? LEAST_MS, seen.meanMs);
    }
    if (longest === undefined || longest > HORIZON_MS) return 0;
    const work = Math.ceil((capacity * HORIZON_MS) / longest);
    const reach = Math.max(capacity, Math.ceil(this.#ratePerMs * REACH_MS));
    return Math.min(MAX_BUFFER, work, reach);
  }
}
