import type { Clock } from "./clock.ts";

/**
 * One timer for whatever is due next. Asking for a later instant than the one it is set to costs a comparison, so a lease or a delay
 * per message needs no timer per message; whoever is rung asks again for what is left.
 */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  readonly #keepAlive: boolean;
  #setTo = Number.POSITIVE_INFINITY;
  #callOff: (() => void) | undefined;

  constructor(clock: Clock, ring: () => void, options: { readonly keepAlive: boolean }) {
    this.#clock = clock;
    this.#ring = ring;
    this.#keepAlive = options.keepAlive;
  }

  /** Rings at `instant`, unless it is set to ring before. */
  by(instant: number): void {
    if (instant >= this.#setTo) return;
    this.#callOff?.();
    this.#setTo = instant;
    this.#callOff = this.#clock.at(
      instant,
      () => {
        this.silence();
        this.#ring();
      },
      this.#keepAlive,
    );
  }

  silence(): void {
    this.#callOff?.();
    this.#callOff = undefined;
    this.#setTo = Number.POSITIVE_INFINITY;
  }
}
