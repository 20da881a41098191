import { type ConsumptionTerms, type Feed, HeldConsumption, LeaseWatch } from "@lovage/core/brokers";
import type { Headers, Payload } from "@lovage/core/contracts";
import type { Claimant } from "./sqlite-gathering.ts";
import type { ClaimAnswer, OperationMap } from "./sqlite-operations.ts";
import type { SqliteClaim } from "./sqlite-settlements.ts";
import type { SqliteStore } from "./sqlite-store.ts";

/** Bounds one transaction and one hand-over. */
const MAX_CLAIM = 1_000;
const MAX_TIMER_MS = 0x7fffffff;
/** How soon a consumption without free credit notices that its queue was destroyed. */
const LOOK_MS = 500;

/**
 * What claims for one consumption. While that is open it is one of: full (no credit left), claiming (one claim is under way), or exhausted
 * (the last claim left nothing; a commit, a due time or the end of a lease rouses it).
 */
export class SqliteFeed implements Feed, Claimant {
  readonly consumption: HeldConsumption<SqliteClaim>;
  readonly #store: SqliteStore;
  readonly #leases: LeaseWatch<SqliteClaim>;
  readonly #leave: () => void;
  #claiming = false;
  /** What the claim under way asked for; 0 only looks whether the queue still exists. */
  #asked = 0;
  #claimedAt = 0;
  #exhausted = false;
  #alarm: NodeJS.Timeout | undefined;
  /** Somebody committed since a consumption without free credit last made sure that its queue still exists. */
  #lookAt = Number.POSITIVE_INFINITY;
  #lookAlarm: NodeJS.Timeout | undefined;

  constructor(terms: ConsumptionTerms<SqliteClaim>, store: SqliteStore) {
    this.consumption = new HeldConsumption(terms, this);
    this.#leases = new LeaseWatch(this.consumption);
    this.#store = store;
    this.#leave = store.addClaimant(this);
    store.schedule();
  }

  roomChanged(): void {
    this.#store.schedule();
  }

  end(): void {
    clearTimeout(this.#alarm);
    clearTimeout(this.#lookAlarm);
    this.#leave();
  }

  wants(): OperationMap["claim"]["in"] | undefined {
    const { open, room, queue } = this.consumption;
    if (!open || this.#claiming) return undefined;
    const limit = Math.min(room, MAX_CLAIM);
    const wanted = limit > 0 ? !this.#exhausted : performance.now() >= this.#lookAt;
    if (!wanted) return undefined;
    this.#claiming = true;
    this.#asked = limit;
    this.#claimedAt = Date.now();
    this.#lookAt = Number.POSITIVE_INFINITY;
    return { queue, limit };
  }

  claimed(answer: ClaimAnswer): void {
    this.#claiming = false;
    const { consumption } = this;
    consumption.leaseMs = answer.leaseMs;
    this.#take(answer);
    // A look says nothing of what is ready: the settlement that frees credit must still claim.
    if (consumption.open && this.#asked > 0) {
      this.#exhausted = answer.exhausted;
      this.#wakeIn(answer.nextInMs);
    }
    if (consumption.open && !answer.found) consumption.queueLost();
    else consumption.handOver();
  }

  rouse(): void {
    this.#exhausted = false;
    if (this.#lookAt !== Number.POSITIVE_INFINITY || this.consumption.room > 0) return;
    this.#lookAt = performance.now() + LOOK_MS;
    clearTimeout(this.#lookAlarm);
    this.#lookAlarm = setTimeout(() => this.#store.schedule(), LOOK_MS + 1).unref();
  }

  #take({ claimed, leaseMs }: ClaimAnswer): void {
    if (claimed === undefined) return;
    const { token, seqs, ids, bands, deliveries, starts, headers, bodies } = claimed;
    const leaseExpiresAt = this.#claimedAt + leaseMs;
    for (const [index, seq] of seqs.entries()) {
      this.consumption.take({
        message: {
          id: ids[index] as string,
          headers: parseHeaders(headers[index] as string),
          body: bodies[index] as Payload,
          priority: 9 - (bands[index] as number),
        },
        claim: { seq, token },
        deliveryCount: deliveries[index],
        starts: starts[index],
        leaseExpiresAt,
      });
    }
    if (seqs.length > 0) this.#leases.from(leaseExpiresAt);
  }

  #wakeIn(ms: number | undefined): void {
    clearTimeout(this.#alarm);
    if (ms === undefined) return;
    this.#alarm = setTimeout(
      () => {
        this.rouse();
        this.#store.schedule();
      },
      Math.min(Math.max(1, Math.ceil(ms)), MAX_TIMER_MS),
    ).unref();
  }
}

/** Written by us as JSON; where somebody else wrote something else, the engine says `unknown-task` and nothing breaks. */
function parseHeaders(text: string): Headers {
  try {
    return JSON.parse(text) as Headers;
  } catch {
    return { task: "" };
  }
}
