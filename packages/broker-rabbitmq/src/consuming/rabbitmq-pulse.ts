/**
 * A process that stood still (SIGSTOP, a suspended machine) for longer than the server waits for a heartbeat finds deliveries in its socket
 * that are with somebody else by now, and behind them the end of the connection. Whatever arrives after a standstill is held back until the
 * server has answered a question on the same channel; when it does not, nobody sees it.
 */

import type { Channel } from "amqplib";

/** How often in a heartbeat it is noted that the loop turns. */
const BEATS = 4;

/** When this process's loop last turned. */
export class Pulse {
  readonly #toleratedMs: number;
  readonly #timer: NodeJS.Timeout;
  #at: number = performance.now();

  /** A standstill is one longer than `heartbeatMs`: twice that is the least after which the server gives up. */
  constructor(heartbeatMs: number) {
    this.#toleratedMs = heartbeatMs;
    this.#timer = setInterval(() => {
      this.#at = performance.now();
    }, heartbeatMs / BEATS).unref();
  }

  /** Asked before timers run: what was in a socket comes first after a standstill. */
  get stoodStill(): boolean {
    return performance.now() - this.#at > this.#toleratedMs;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** What arrives on one channel, in order: at once, or when the channel has proved that it is alive. */
export class Arrivals {
  readonly #channel: Channel;
  readonly #pulse: Pulse;
  #heldBack: (() => void)[] | undefined;

  constructor(channel: Channel, pulse: Pulse) {
    this.#channel = channel;
    this.#pulse = pulse;
  }

  take(arrival: () => void): void {
    if (this.#heldBack !== undefined) this.#heldBack.push(arrival);
    else if (!this.#pulse.stoodStill) arrival();
    else {
      this.#heldBack = [arrival];
      void this.#prove();
    }
  }

  async #prove(): Promise<void> {
    try {
      // Any question will do.
      await this.#channel.prefetch(0);
    } catch {
      // It ended: the server has given to others what was held back.
      return;
    }
    const proved = this.#heldBack ?? [];
    this.#heldBack = undefined;
    for (const arrival of proved) arrival();
  }
}
