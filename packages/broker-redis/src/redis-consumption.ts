import { type ConsumptionTerms, type Feed, HeldConsumption, LeaseWatch } from "@lovage/core/brokers";
import { messageOf, partsOf } from "./redis-envelope.ts";
import type { QueueTurns, RedisClaim } from "./redis-turns.ts";

const MAX_TIMER_MS = 0x7fffffff;
/** A sign to wake up may be lost with whoever took it. So an idle consumption looks by itself, this often and at least three times in a lease. */
const LOOK_MS = 5_000;
const LOOKS_PER_LEASE = 3;

/**
 * What claims for one consumption. While that is open it is one of: full (no credit left), asking (a turn is under way), or exhausted (the last
 * turn left nothing; a sign, a due time, the end of a lease or a look rouses it).
 */
export class RedisFeed implements Feed {
  readonly consumption: HeldConsumption<RedisClaim>;
  /** How many the turn under way may bring. */
  asked = 0;
  readonly #turns: QueueTurns;
  readonly #leases: LeaseWatch<RedisClaim>;
  #exhausted = false;
  #alarm: NodeJS.Timeout | undefined;
  #alarmAt = Number.POSITIVE_INFINITY;
  /** The alarm is for something that is known: a due time, the end of a lease. */
  #alarmIsDue = false;
  #looks: "when due" | "by itself" | undefined;

  constructor(terms: ConsumptionTerms<RedisClaim>, turns: QueueTurns) {
    this.consumption = new HeldConsumption(terms, this);
    this.#leases = new LeaseWatch(this.consumption);
    this.#turns = turns;
    turns.feeds.add(this);
    turns.schedule();
  }

  roomChanged(): void {
    this.#turns.schedule();
  }

  end(): void {
    clearTimeout(this.#alarm);
    this.#turns.feeds.delete(this);
    // So that nobody waits for signs on its behalf.
    this.#turns.schedule();
  }

  get waits(): boolean {
    return this.#exhausted && this.consumption.room > 0;
  }

  /** It wants the queue to be looked at, even without room: something is due, or nothing was heard for a while. */
  get looks(): "when due" | "by itself" | undefined {
    return this.#looks;
  }

  /** What to claim for it now. */
  wanted(): number {
    this.asked = this.#exhausted ? 0 : this.consumption.room;
    return this.asked;
  }

  rouse(): void {
    this.#exhausted = false;
    this.#looks = "when due";
  }

  /** True when the message was handed out before, and `starts` is about it. */
  take(claim: RedisClaim, envelope: string, starts: number | undefined, leaseExpiresAt: number): boolean {
    const { id, deliveryCount } = partsOf(claim);
    const again = deliveryCount > 1;
    this.consumption.take({
      message: messageOf(id, envelope),
      claim,
      deliveryCount,
      starts: again ? (starts ?? 0) : 0,
      leaseExpiresAt,
    });
    return again;
  }

  handOver(leaseExpiresAt: number): void {
    if (this.consumption.unsettled > 0) this.#leases.from(leaseExpiresAt);
    this.consumption.handOver();
  }

  /** A turn has its answer: when to look again if nothing happens. */
  answered(leaseMs: number, nextMs: number, full: boolean): void {
    this.#looks = undefined;
    if (this.asked > 0) this.#exhausted = full;
    const lookMs = Math.min(LOOK_MS, leaseMs / LOOKS_PER_LEASE) * (0.9 + 0.1 * Math.random());
    const isDue = nextMs >= 0 && nextMs <= lookMs;
    this.#wakeIn(isDue ? Math.max(nextMs, 1) : lookMs, isDue);
  }

  #wakeIn(ms: number, isDue: boolean): void {
    if (!this.consumption.open) return;
    const at = performance.now() + ms;
    // Moving a timer costs more than letting it ring: it is moved only if it would ring too late.
    if (at >= this.#alarmAt) return;
    clearTimeout(this.#alarm);
    this.#alarmAt = at;
    this.#alarmIsDue = isDue;
    this.#alarm = setTimeout(
      () => {
        this.#alarmAt = Number.POSITIVE_INFINITY;
        this.#ring();
      },
      Math.min(Math.ceil(ms), MAX_TIMER_MS),
    ).unref();
  }

  #ring(): void {
    if (!this.consumption.open) return;
    // Without that, it is not told from a consumption that has just begun, or is busy.
    this.#looks = this.waits && !this.#alarmIsDue ? "by itself" : "when due";
    if (this.consumption.room > 0) this.#exhausted = false;
    this.#turns.schedule();
  }
}
