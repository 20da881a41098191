import type { DeadLetterReason, Delivery, Headers, Message, Settlement } from "../contracts/index.ts";
import type { Sleep } from "./sleep.ts";

/** A delivery whose settlements wait out the sleep. The first settlement wins here too, whether or not it has been sent. */
export class SleepyDelivery implements Delivery {
  readonly message: Message;
  readonly queue: string;
  readonly redelivered: boolean;
  readonly lost: AbortSignal;
  readonly #inner: Delivery;
  readonly #sleep: Sleep;
  #answer: Promise<Settlement> | undefined;

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
    return this.#settle(() => this.#inner.ack());
  }

  requeue(options?: { readonly delayMs?: number; readonly headers?: Headers }): Promise<Settlement> {
    return this.#settle(() => this.#inner.requeue(options));
  }

  release(): Promise<Settlement> {
    return this.#settle(() => this.#inner.release());
  }

  deadLetter(reason: DeadLetterReason): Promise<Settlement> {
    return this.#settle(() => this.#inner.deadLetter(reason));
  }

  renew(): Promise<Settlement> {
    return this.#answer ?? this.#sleep.insist(() => this.#inner.renew());
  }

  /** Counts, so it is asked once, when awake. */
  async markStarted(): Promise<Settlement> {
    if (this.#answer !== undefined) return this.#answer;
    await this.#sleep.woken();
    return this.#inner.markStarted();
  }

  #settle(call: () => Promise<Settlement>): Promise<Settlement> {
    this.#answer ??= this.#sleep.insist(call);
    return this.#answer;
  }
}
