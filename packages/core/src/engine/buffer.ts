/**
 * How many deliveries a lane may hold beyond its slots. A buffer hides the broker's round trip from tasks that are shorter than it,
 * and is harmful for all others: short work queues behind long work while other workers idle (the prefetch convoy). So `auto` allows
 * what the lane finishes in 5 ms, and only while every task it has lately run is known to take no longer than that.
 */

const HORIZON_MS = 5;
/** A task of which nothing was seen for this long no longer speaks against a buffer. */
const MEMORY_MS = 1_000;
const MAX_BUFFER = 2_000;
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
    if (seen === undefined) this.#tasks.set(task, { meanMs: durationMs, at: now });
    else {
      // A single long run counts at once, so that one surprise is enough to stop buffering; the way back takes several short ones.
      seen.meanMs =
        durationMs > HORIZON_MS
          ? Math.max(durationMs, seen.meanMs)
          : seen.meanMs + SMOOTHING * (durationMs - seen.meanMs);
      seen.at = now;
    }
  }

  /** Something waited past its bound: no buffer for a while. */
  mute(now: number): void {
    this.#mutedUntil = now + MEMORY_MS;
  }

  /** Called about every 100 ms: learns the rate. */
  sample(now: number): void {
    const elapsed = now - this.#since;
    if (elapsed < 10) return;
    const rate = this.#finished / elapsed;
    this.#ratePerMs = this.#since === 0 ? 0 : Math.max(rate, this.#ratePerMs * 0.7 + rate * 0.3);
    this.#finished = 0;
    this.#since = now;
    for (const [task, seen] of this.#tasks) if (now - seen.at > MEMORY_MS * 60) this.#tasks.delete(task);
  }

  /** The buffer for now. */
  size(now: number): number {
    if (this.#fixed !== undefined) return this.#fixed;
    if (now < this.#mutedUntil) return 0;
    let known = false;
    for (const seen of this.#tasks.values()) {
      if (now - seen.at > MEMORY_MS) continue;
      if (seen.meanMs > HORIZON_MS) return 0;
      known = true;
    }
    if (!known) return 0;
    // The rate is what was achieved with the buffer of the moment; doubling lets it grow until something else is the bound.
    return Math.min(MAX_BUFFER, Math.ceil(this.#ratePerMs * HORIZON_MS * 2));
  }
}
