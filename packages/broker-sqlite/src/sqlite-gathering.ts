import { type ClaimAnswer, type OperationMap, TRAITS } from "./sqlite-operations.ts";
import { type Ending, type Pending, pendingOf } from "./sqlite-pending.ts";

/** Asks for work when a batch leaves, so that what settlements free is filled in the same transaction. */
export interface Claimant {
  /** What to claim now; undefined for nothing. */
  wants(): OperationMap["claim"]["in"] | undefined;
  claimed(answer: ClaimAnswer): void;
  /** There may be something again. */
  rouse(): void;
}

/** Settlements of one tick, as one operation per kind. */
export interface Collector {
  readonly pending: boolean;
  /** The operations for what was collected since the last call. */
  collect(): readonly Pending[];
}

/** What has been asked and not left yet, and the order in which it leaves. */
export class Gathering {
  readonly #claimants = new Set<Claimant>();
  readonly #collectors = new Set<Collector>();
  #waiting: Pending[] = [];

  /** Claims do not count: they are made when a batch leaves. */
  get pending(): boolean {
    if (this.#waiting.length > 0) return true;
    for (const collector of this.#collectors) if (collector.pending) return true;
    return false;
  }

  get waiting(): readonly Pending[] {
    return this.#waiting;
  }

  add(pending: Pending): void {
    this.#waiting.push(pending);
  }

  /** Back to the front: it was under way, and is asked again. */
  putBack(pendings: readonly Pending[]): void {
    this.#waiting = [...pendings, ...this.#waiting];
  }

  /** Whether nothing was asked after it and it has not left. */
  isLast(pending: object): boolean {
    return this.#waiting.at(-1) === pending;
  }

  addCollector(collector: Collector): () => void {
    this.#collectors.add(collector);
    return () => void this.#collectors.delete(collector);
  }

  addClaimant(claimant: Claimant): () => void {
    this.#claimants.add(claimant);
    return () => void this.#claimants.delete(claimant);
  }

  rouse(): void {
    for (const claimant of this.#claimants) claimant.rouse();
  }

  /**
   * Settlements first, then what was asked, in order, then claims: they take what the others have made ready and free. Control goes before
   * all of it, in a batch of its own: it needs no fsync, and on a slow disk each wait for one is time that somebody looks at.
   */
  take(): Pending[] {
    const express = this.#waiting.filter(({ operation }) => TRAITS[operation.op].express);
    if (express.length > 0) {
      this.#waiting = this.#waiting.filter(({ operation }) => !TRAITS[operation.op].express);
      return express;
    }
    const batch: Pending[] = [];
    for (const collector of this.#collectors) batch.push(...collector.collect());
    batch.push(...this.#waiting);
    this.#waiting = [];
    if (batch.some(({ operation }) => TRAITS[operation.op].wakes === "queues")) this.rouse();
    for (const claimant of this.#claimants) {
      const input = claimant.wants();
      if (input !== undefined) batch.push(claimOf(claimant, input));
    }
    return batch;
  }

  /** Everything that has not left, for the end. */
  empty(): readonly Pending[] {
    const left = this.#waiting;
    this.#waiting = [];
    return left;
  }

  /** Those that were given up meanwhile need not leave any more. */
  dropOver(): void {
    this.#waiting = this.#waiting.filter(({ over }) => !over);
  }
}

function claimOf(claimant: Claimant, input: OperationMap["claim"]["in"]): Pending {
  const ending: Ending<ClaimAnswer> = {
    done: (answer) => claimant.claimed(answer),
    gaveUp: () => {},
    closed: () => {},
    patient: true,
  };
  return pendingOf({ op: "claim", input }, ending, Number.POSITIVE_INFINITY);
}
