import type { Consumption, Delivery } from "@lovage/core/contracts";
import { type DeliveryHome, SqliteDelivery } from "./sqlite-delivery.ts";
import type { Claimant } from "./sqlite-gathering.ts";
import type { ClaimAnswer, OperationMap } from "./sqlite-operations.ts";
import type { Settlements } from "./sqlite-settlements.ts";
import type { SqliteStore } from "./sqlite-store.ts";

/** What a consumption needs of its broker. */
export interface ConsumptionHost {
  readonly store: SqliteStore;
  readonly settlements: Settlements;
  readonly closed: boolean;
  /** Stopped, and nothing of it is unsettled. */
  consumptionEnded(consumption: SqliteConsumption): void;
  ownershipLost(queue: string, id: string): void;
  queueLost(queue: string): void;
}

/** Bounds one transaction and one hand-over. */
const MAX_CLAIM = 1_000;
const MAX_TIMER_MS = 0x7fffffff;
/** How soon a consumption without free credit notices that its queue was destroyed. */
const LOOK_MS = 500;
const LEASE_MARGIN_MS = 20;
const STILL_MS = 500;

/**
 * open → (stop, queue destroyed, broker closed) stopped. While open it is one of: full (no credit left), claiming (one claim is under way), or
 * exhausted (the last claim left nothing; a commit, a due time or the end of a lease rouses it).
 */
export class SqliteConsumption implements Consumption, Claimant, DeliveryHome {
  readonly queue: string;
  leaseMs = 0;
  readonly #host: ConsumptionHost;
  readonly #onDeliveries: (batch: readonly Delivery[]) => void;
  readonly #held = new Set<SqliteDelivery>();
  readonly #leave: () => void;
  #credit: number;
  #open = true;
  #claiming = false;
  /** What the claim under way asked for; 0 only looks whether the queue still exists. */
  #asked = 0;
  #claimedAt = 0;
  #exhausted = false;
  #alarm: NodeJS.Timeout | undefined;
  #leaseAlarm: NodeJS.Timeout | undefined;
  /** Somebody committed since a consumption without free credit last made sure that its queue still exists. */
  #lookAt = Number.POSITIVE_INFINITY;
  #lookAlarm: NodeJS.Timeout | undefined;

  constructor(
    queue: string,
    credit: number,
    host: ConsumptionHost,
    onDeliveries: (batch: readonly Delivery[]) => void,
  ) {
    this.queue = queue;
    this.#credit = credit;
    this.#host = host;
    this.#onDeliveries = onDeliveries;
    this.#leave = host.store.addClaimant(this);
    host.store.schedule();
  }

  get unsettled(): number {
    return this.#held.size;
  }

  get closed(): boolean {
    return this.#host.closed;
  }

  get settlements(): Settlements {
    return this.#host.settlements;
  }

  setCredit(credit: number): void {
    this.#credit = credit;
    if (this.#open) this.#host.store.schedule();
  }

  async stop(): Promise<void> {
    this.#end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  wants(): OperationMap["claim"]["in"] | undefined {
    if (!this.#open || this.#claiming) return undefined;
    const limit = Math.max(0, Math.min(Math.floor(this.#credit - this.#held.size), MAX_CLAIM));
    const wanted = limit > 0 ? !this.#exhausted : performance.now() >= this.#lookAt;
    if (!wanted) return undefined;
    this.#claiming = true;
    this.#asked = limit;
    this.#claimedAt = Date.now();
    this.#lookAt = Number.POSITIVE_INFINITY;
    return { queue: this.queue, limit };
  }

  claimed(answer: ClaimAnswer): void {
    this.#claiming = false;
    this.leaseMs = answer.leaseMs;
    const expiresAt = this.#claimedAt + answer.leaseMs;
    const { claimed } = answer;
    const batch = claimed?.ids.map((_, index) => new SqliteDelivery(this, claimed, index, expiresAt)) ?? [];
    for (const delivery of batch) this.#held.add(delivery);
    if (batch.length > 0 && this.#leaseAlarm === undefined) this.#watchLeases(expiresAt);
    if (!this.#open) {
      // Stopped while the claim was under way: untouched, so it goes back.
      for (const delivery of batch) void delivery.release().catch(() => {});
      return;
    }
    // A look says nothing of what is ready: the settlement that frees credit must still claim.
    if (this.#asked > 0) {
      this.#exhausted = answer.exhausted;
      this.#wakeIn(answer.nextInMs);
    }
    if (!answer.found) this.#queueLost();
    else if (batch.length > 0) this.#handOver(batch);
  }

  rouse(): void {
    this.#exhausted = false;
    if (this.#lookAt !== Number.POSITIVE_INFINITY || this.#held.size < this.#credit) return;
    this.#lookAt = performance.now() + LOOK_MS;
    clearTimeout(this.#lookAlarm);
    this.#lookAlarm = setTimeout(() => this.#host.store.schedule(), LOOK_MS + 1).unref();
  }

  sent(delivery: SqliteDelivery): void {
    this.#held.delete(delivery);
    if (!this.#open && this.#held.size === 0) this.#host.consumptionEnded(this);
  }

  lost(delivery: SqliteDelivery): void {
    this.sent(delivery);
    this.#host.store.schedule();
    this.#host.ownershipLost(this.queue, delivery.message.id);
  }

  /** What the broker does when it closes: takes nothing more, and gives back what is unsettled, for others to take at once. */
  giveBackAll(): void {
    this.#end();
    for (const delivery of this.#held) delivery.surrender();
  }

  #end(): void {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#alarm);
    clearTimeout(this.#lookAlarm);
    this.#leave();
    if (this.#held.size === 0) this.#host.consumptionEnded(this);
  }

  #queueLost(): void {
    this.#end();
    for (const delivery of [...this.#held]) delivery.lose();
    this.#host.queueLost(this.queue);
  }

  #wakeIn(ms: number | undefined): void {
    clearTimeout(this.#alarm);
    if (ms === undefined) return;
    this.#alarm = setTimeout(
      () => {
        this.rouse();
        this.#host.store.schedule();
      },
      Math.min(Math.max(1, Math.ceil(ms)), MAX_TIMER_MS),
    ).unref();
  }

  /**
   * A lease that nobody renews ends even where no other worker is there to reap it, and then its credit is free again. Late itself, this process
   * stood still: whoever renews goes first.
   */
  #watchLeases(at: number): void {
    const due = Math.max(at - Date.now(), 0) + LEASE_MARGIN_MS;
    const expectedAt = performance.now() + due;
    this.#leaseAlarm = setTimeout(() => {
      this.#leaseAlarm = undefined;
      if (this.#host.closed || this.#held.size === 0) return;
      if (performance.now() - expectedAt > STILL_MS) {
        this.#watchLeases(Date.now() + STILL_MS);
        return;
      }
      const now = Date.now();
      let next = now + this.leaseMs;
      for (const delivery of this.#held) {
        if (delivery.leaseExpiresAt > now) next = Math.min(next, delivery.leaseExpiresAt);
        else {
          next = Math.min(next, now + STILL_MS);
          delivery.checkLease().catch(() => {});
        }
      }
      this.#watchLeases(next);
    }, due).unref();
  }

  #handOver(batch: readonly SqliteDelivery[]): void {
    try {
      this.#onDeliveries(batch);
    } catch (error) {
      // A listener that throws breaks the contract: the process hears of it, the other consumptions do not suffer.
      process.nextTick(() => {
        throw error;
      });
    }
  }
}
