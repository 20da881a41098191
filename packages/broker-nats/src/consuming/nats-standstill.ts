import type { Streams } from "../queues/nats-streams.ts";

export interface StandstillOptions {
  readonly streams: Streams;
  readonly stream: string;
  readonly consumer: string;
  /** Something was asked for, and may come. */
  readonly waits: () => boolean;
  readonly onStandstill: () => void;
}

/** A consumer that has something for this long and gives nothing of it stands still. */
const STILL_MS = 500;
const EVERY_MS = 10_000;

/** Notices that a consumer has messages and gives none of them to whoever asks, as some versions do. */
export class Standstill {
  readonly #options: StandstillOptions;
  #arrivals = 0;
  #doubtedAt = Number.NEGATIVE_INFINITY;

  constructor(options: StandstillOptions) {
    this.#options = options;
  }

  arrived(): void {
    this.#arrivals += 1;
  }

  /** The next pull that runs out is a reason to look. */
  doubtSoon(): void {
    this.#doubtedAt = Number.NEGATIVE_INFINITY;
  }

  /** A pull has run out, and others were asked: a moment in which nothing comes because there is nothing, or because it stands still. */
  async look(): Promise<void> {
    if (performance.now() - this.#doubtedAt < EVERY_MS) return;
    this.#doubtedAt = performance.now();
    if (!(await this.#hasSome())) return;
    const arrivals = this.#arrivals;
    await new Promise((resolve) => setTimeout(resolve, STILL_MS).unref());
    if (!this.#options.waits() || !(await this.#hasSome())) return;
    if (this.#arrivals === arrivals) this.#options.onStandstill();
  }

  async #hasSome(): Promise<boolean> {
    const { streams, stream, consumer } = this.#options;
    const info = await streams.consumer(stream, consumer).catch(() => undefined);
    return info !== undefined && info.num_pending > 0;
  }
}
