import { DEFAULT_REVOKE_TTL_MS } from "../contracts/index.ts";
import { Alarm } from "./alarm.ts";
import type { Clock } from "./clock.ts";

/** Which ids were revoked, each remembered for a day: a copy that appears later, or comes back from its holder, is dropped. */
export class Revocations {
  readonly #clock: Clock;
  /** Insertion order is order of expiry. */
  readonly #until = new Map<string, number>();
  readonly #alarm: Alarm;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#alarm = new Alarm(clock, () => this.resume(), { keepAlive: false });
  }

  add(id: string): void {
    const until = this.#clock.now() + DEFAULT_REVOKE_TTL_MS;
    this.#until.delete(id);
    this.#until.set(id, until);
    this.#alarm.by(until);
  }

  has(id: string): boolean {
    return this.#until.size > 0 && (this.#until.get(id) ?? Number.NEGATIVE_INFINITY) > this.#clock.now();
  }

  forget(id: string): void {
    this.#until.delete(id);
  }

  /** Forgets what has expired and waits for the next. */
  resume(): void {
    const now = this.#clock.now();
    for (const [id, until] of this.#until) {
      if (until > now) {
        this.#alarm.by(until);
        return;
      }
      this.#until.delete(id);
    }
  }

  suspend(): void {
    this.#alarm.silence();
  }
}
