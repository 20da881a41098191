import type { DeadLetterReason, Delivery, Headers, Message, Settlement } from "../contracts/index.ts";
import type { Sleep } from "./sleep.ts";

/** A delivery whose settlements wait out the sleep. They are sent in the order asked, so that the first one wins as ever. */
export class SleepyDelivery implements Delivery {
  readonly message: Message;
  readonly queue: string;
  readonly redelivered: boolean;
  readonly lost: AbortSignal;
  readonly #inner: Delivery;
  readonly #sleep: Sleep;

  constructor(inner: Delivery, sleep: Sleep) {
    this.#inner = inner;
    this.#sleep = sleep;
    this.message = inner.message;
    this.queue = inner.queue;
    this.redelivered = inner.redelivered;
    this.lost = inner.lost;
  }

  get deliveryCount(): number {
    return this.#inner.deliveryCount as number;
  }

  get starts(): number {
    return this.#inner.starts as number;
  }

  get leaseExpiresAt(): number {
    return this.#inner.leaseExpiresAt as number;
  }

  ack(): Promise<Settlement> {
    return this.#sleep.insist(() => this.#inner.ack());
  }

  requeue(options?: { readonly delayMs?: number; readonly headers?: Headers }): Promise<Settlement> {
    return this.#sleep.insist(() => this.#inner.requeue(options));
  }

  release(): Promise<Settlement> {
    return this.#sleep.insist(() => this.#inner.release());
  }

  deadLetter(reason: DeadLetterReason): Promise<Settlement> {
    return this.#sleep.insist(() => this.#inner.deadLetter(reason));
  }

  renew(): Promise<Settlement> {
    return this.#sleep.insist(() => this.#inner.renew());
  }

  /** Counts, so it is asked once, when awake. */
  async markStarted(): Promise<Settlement> {
    await this.#sleep.woken();
    return this.#inner.markStarted();
  }
}
