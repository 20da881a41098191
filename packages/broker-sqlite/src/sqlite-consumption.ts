import type { Consumption, Delivery } from "@lovage/core/contracts";
import { type DeliveryHome, SqliteDelivery } from "./sqlite-delivery.ts";
import type { ClaimAnswer, OperationMap } from "./sqlite-operations.ts";
import type { Settlements } from "./sqlite-settlements.ts";
import type { Claimant, SqliteStore } from "./sqlite-store.ts";

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
  #claiming = 0;
  #claimedAt = 0;
  #exhausted = false;
  #alarm: NodeJS.Timeout | undefined;

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
    const free = this.#credit - this.#held.size;
    if (!this.#open || this.#claiming > 0 || this.#exhausted || !(free > 0)) return undefined;
    this.#claiming = Math.min(Math.floor(free), MAX_CLAIM);
    this.#claimedAt = Date.now();
    return { queue: this.queue, limit: this.#claiming };
  }

  claimed(answer: ClaimAnswer): void {
    this.#claiming = 0;
    this.leaseMs = answer.leaseMs;
    const expiresAt = this.#claimedAt + answer.leaseMs;
    const { claimed } = answer;
    const batch = claimed?.ids.map((_, index) => new SqliteDelivery(this, claimed, index, expiresAt)) ?? [];
    for (const delivery of batch) this.#held.add(delivery);
    if (!this.#open) {
      // Stopped while the claim was under way: untouched, so it goes back.
      for (const delivery of batch) void delivery.release().catch(() => {});
      return;
    }
    this.#exhausted = answer.exhausted;
    this.#wakeIn(answer.nextInMs);
    if (!answer.found) this.#queueLost();
    else if (batch.length > 0) this.#handOver(batch);
  }

  rouse(): void {
    this.#exhausted = false;
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
    for (const delivery of [...this.#held]) {
      void delivery.release().then(
        () => delivery.lose(),
        () => delivery.lose(),
      );
    }
  }

  #end(): void {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#alarm);
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
