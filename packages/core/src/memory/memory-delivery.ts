import {
  BrokerClosedError,
  type DeadLetterReason,
  type Delivery,
  type Headers,
  type Message,
  type Settlement,
} from "../contracts/index.ts";
import type { Entry } from "./entry.ts";
import type { MemoryConsumption } from "./memory-consumption.ts";
import type { MemoryQueue } from "./memory-queue.ts";

const DONE: Promise<Settlement> = Promise.resolve("done");
const LOST: Promise<Settlement> = Promise.resolve("lost");

/**
 * held → (settlement) settled
 *      → (lease lapsed, queue destroyed, broker closed) lost
 *
 * A settlement takes effect within the call. It is fenced by {@link Entry.holder}: whoever is not the holder is answered `lost`.
 */
export class MemoryDelivery implements Delivery {
  readonly message: Message;
  readonly deliveryCount: number;
  /** Moved by the queue with each lease. */
  leaseExpiresAt = 0;
  readonly #queue: MemoryQueue;
  readonly #entry: Entry;
  readonly #consumption: MemoryConsumption;
  readonly #startsBefore: number;
  #answer: Promise<Settlement> | undefined;
  #lost: AbortController | undefined;
  #isLost = false;

  constructor(queue: MemoryQueue, entry: Entry, consumption: MemoryConsumption) {
    this.message = entry.message;
    this.deliveryCount = entry.deliveryCount;
    this.#queue = queue;
    this.#entry = entry;
    this.#consumption = consumption;
    this.#startsBefore = entry.starts;
  }

  get queue(): string {
    return this.#queue.name;
  }

  get redelivered(): boolean {
    return this.deliveryCount > 1;
  }

  get starts(): number {
    return this.#isHeld ? this.#entry.starts : this.#startsBefore;
  }

  /** Made when someone asks: most deliveries are settled before anyone does. */
  get lost(): AbortSignal {
    if (this.#lost === undefined) {
      this.#lost = new AbortController();
      if (this.#isLost) this.#lost.abort();
    }
    return this.#lost.signal;
  }

  ack(): Promise<Settlement> {
    return this.#settle(() => this.#queue.ack(this.#entry));
  }

  requeue(options: { readonly delayMs?: number; readonly headers?: Headers } = {}): Promise<Settlement> {
    return this.#settle(() => this.#queue.requeue(this.#entry, options.delayMs ?? 0, options.headers));
  }

  release(): Promise<Settlement> {
    return this.#settle(() => this.#giveBack());
  }

  deadLetter(reason: DeadLetterReason): Promise<Settlement> {
    return this.#settle(() => this.#queue.deadLetter(this.#entry, reason));
  }

  renew(): Promise<Settlement> {
    return this.#whileHeld(() => this.#queue.renew(this.#entry));
  }

  markStarted(): Promise<Settlement> {
    return this.#whileHeld(() => {
      this.#entry.starts += 1;
    });
  }

  /** The broker closes: as {@link release}, but the holder did not ask for it and is told. */
  surrender(): void {
    if (this.#isHeld) this.#giveBack();
    this.lose();
  }

  /** Ownership has ended by no act of the holder: its credit is free, and it is told. */
  lose(): void {
    this.#isLost = true;
    this.#lost?.abort();
    this.#consumption.lost(this);
  }

  /** Unblamed: a run that had begun does not count. */
  #giveBack(): void {
    this.#entry.starts = this.#startsBefore;
    this.#queue.giveBack(this.#entry);
  }

  get #isHeld(): boolean {
    return this.#entry.holder === this;
  }

  /** The first settlement wins, and frees the credit with the message. */
  #settle(effect: () => void): Promise<Settlement> {
    return this.#whileHeld(() => {
      this.#answer = DONE;
      effect();
      this.#consumption.settled(this);
    });
  }

  #whileHeld(effect: () => void): Promise<Settlement> {
    if (this.#answer !== undefined) return this.#answer;
    if (this.#consumption.brokerClosed) return Promise.reject(new BrokerClosedError());
    if (!this.#isHeld) return LOST;
    effect();
    return DONE;
  }
}
