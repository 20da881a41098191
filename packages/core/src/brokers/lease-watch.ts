import type { HeldConsumption } from "./held-consumption.ts";

const MARGIN_MS = 20;
const STILL_MS = 500;

/**
 * A lease that nobody renews ends even where no other worker is there to reap it, and then its holder is told and its credit is free. The
 * server is asked: our clock is only the reason to ask. Late itself, this process stood still: whoever renews goes first.
 *
 * For adapters whose server does not tell of a lease that has ended.
 */
export class LeaseWatch<Claim> {
  readonly #consumption: HeldConsumption<Claim>;
  #alarm: NodeJS.Timeout | undefined;

  constructor(consumption: HeldConsumption<Claim>) {
    this.#consumption = consumption;
  }

  /** Something was taken: looks when its lease ends, unless it is going to look earlier. Ends by itself when nothing is held. */
  from(leaseExpiresAt: number): void {
    if (this.#alarm === undefined) this.#lookAt(leaseExpiresAt);
  }

  #lookAt(at: number): void {
    const due = Math.max(at - Date.now(), 0) + MARGIN_MS;
    const expectedAt = performance.now() + due;
    this.#alarm = setTimeout(() => {
      this.#alarm = undefined;
      this.#look(performance.now() - expectedAt);
    }, due).unref();
  }

  #look(lateMs: number): void {
    const { brokerClosed, unsettled, held, leaseMs = STILL_MS } = this.#consumption;
    if (brokerClosed || unsettled === 0) return;
    const now = Date.now();
    if (lateMs > STILL_MS) {
      this.#lookAt(now + STILL_MS);
      return;
    }
    let next = now + leaseMs;
    for (const delivery of held) {
      const { leaseExpiresAt } = delivery;
      if (leaseExpiresAt === undefined) continue;
      if (leaseExpiresAt > now) next = Math.min(next, leaseExpiresAt);
      else {
        next = Math.min(next, now + STILL_MS);
        delivery.checkLease();
      }
    }
    this.#lookAt(next);
  }
}
