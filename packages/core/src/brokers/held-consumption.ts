import { RenewedSet } from "../collections/renewed-map.ts";
import { ConfigurationError, type ConsumeOptions, type Consumption, type Delivery } from "../contracts/index.ts";
import type { BrokerEvents } from "./broker-events.ts";
import type { RequestSink } from "./gathering.ts";
import { type DeliveryHome, HeldDelivery, type Taken } from "./held-delivery.ts";
import type { DeliveryRequest } from "./request.ts";

/** Where a consumption's messages come from: what an adapter brings for each. Its methods must not throw. */
export interface Feed {
  /**
   * {@link HeldConsumption.room} may have changed: a settlement left, a delivery was lost, credit was set. Called as often as that happens,
   * so it should only schedule. Not called once the consumption has ended.
   */
  roomChanged(): void;
  /** Called once, when nothing more is wanted. Resolves when nothing can arrive any more; what arrives until then is given back. */
  end(): Promise<void> | void;
}

/** What a consumption needs of its broker. */
export interface ConsumptionHost<Claim> {
  readonly closed: boolean;
  readonly requests: RequestSink<Claim>;
  readonly events: BrokerEvents;
  /** Stopped, and nothing of it is unsettled. May be called more than once. */
  consumptionEnded(consumption: HeldConsumption<Claim>): void;
}

/** What `consume` was asked, and on whose behalf. */
export interface ConsumptionTerms<Claim = unknown> extends ConsumeOptions {
  readonly onDeliveries: (batch: readonly Delivery[]) => void;
  readonly host: ConsumptionHost<Claim>;
}

/**
 * open → (stop, queue lost, broker closed) ended. Deliveries arrive in `open` only; settling works in both.
 *
 * The feed {@link take}s messages while there is {@link room}; those of one turn of the event loop are handed over as one batch.
 */
export class HeldConsumption<Claim = unknown> implements Consumption, DeliveryHome<Claim> {
  readonly queue: string;
  /** How long a renewal lasts, once the feed has learned it. Undefined where ownership is the connection's, or the adapter moves leases itself. */
  leaseMs: number | undefined;
  readonly #host: ConsumptionHost<Claim>;
  readonly #feed: Feed;
  readonly #onDeliveries: (batch: readonly Delivery[]) => void;
  readonly #held = new RenewedSet<HeldDelivery<Claim>>();
  #taken: HeldDelivery<Claim>[] = [];
  #turn: NodeJS.Immediate | undefined;
  #credit: number;
  #ended: Promise<void> | undefined;

  /** Throws `ConfigurationError` for a credit that is none. The feed is called from the first {@link setCredit}, settlement or end on. */
  constructor({ queue, credit, onDeliveries, host }: ConsumptionTerms<Claim>, feed: Feed) {
    this.queue = queue;
    this.#credit = checked(credit);
    this.#onDeliveries = onDeliveries;
    this.#host = host;
    this.#feed = feed;
  }

  // What its user sees.

  get unsettled(): number {
    return this.#held.size;
  }

  setCredit(credit: number): void {
    this.#credit = checked(credit);
    if (this.open) this.#feed.roomChanged();
  }

  stop(): Promise<void> {
    return this.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }

  // For its feed.

  get open(): boolean {
    return this.#ended === undefined;
  }

  get credit(): number {
    return this.#credit;
  }

  /** How many messages may be taken now; 0 when ended. */
  get room(): number {
    return this.open ? Math.max(0, Math.floor(this.#credit) - this.#held.size) : 0;
  }

  get held(): Iterable<HeldDelivery<Claim>> {
    return this.#held;
  }

  get brokerClosed(): boolean {
    return this.#host.closed;
  }

  /** The message is ours: it counts against the credit from now on, and is handed over with the others of this turn. */
  take(taken: Taken<Claim>): HeldDelivery<Claim> {
    const delivery = new HeldDelivery<Claim>(this, taken);
    this.#held.add(delivery);
    this.#taken.push(delivery);
    this.#turn ??= setImmediate(() => this.handOver());
    return delivery;
  }

  /** Hands over at once what was taken in this turn. Once ended, gives it back instead. */
  handOver(): void {
    clearImmediate(this.#turn);
    this.#turn = undefined;
    const batch = this.#taken;
    this.#taken = [];
    if (!this.open) {
      // Rejects with nothing but a closed broker, which gives back by itself.
      for (const delivery of batch) delivery.release().catch(() => {});
      return;
    }
    if (batch.length === 0) return;
    try {
      this.#onDeliveries(batch);
    } catch (error) {
      // A listener that throws breaks the contract: the process hears of it, the other consumptions do not suffer.
      process.nextTick(() => {
        throw error;
      });
    }
  }

  /** Takes nothing more; what it holds stays held. Idempotent: resolves when nothing can arrive. */
  end(): Promise<void> {
    if (this.#ended !== undefined) return this.#ended;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise;
    resolve(this.#feed.end());
    this.handOver();
    this.#tellEnded();
    return promise;
  }

  /** The queue is gone for good: ends, everything held is lost, and the broker says so. */
  queueLost(): void {
    const wasOpen = this.open;
    void this.end();
    this.loseAll();
    if (wasOpen) this.#host.events.emit({ type: "queue-lost", queue: this.queue });
  }

  /** What is held is known to be no longer ours: its connection or channel has ended. With `which`, only those. */
  loseAll(which: (delivery: HeldDelivery<Claim>) => boolean = () => true): void {
    for (const delivery of [...this.#held]) if (which(delivery)) delivery.lose();
  }

  /** What the broker does when it closes: takes nothing more, and gives back what is unsettled, for others to take at once. */
  giveBackAll(): Promise<void> {
    const ended = this.end();
    for (const delivery of this.#held) delivery.surrender();
    return ended;
  }

  // For its deliveries.

  ask(request: DeliveryRequest<Claim>): void {
    this.#host.requests.ask(request);
  }

  left(delivery: HeldDelivery<Claim>): void {
    if (!this.#held.delete(delivery)) return;
    if (this.open) this.#feed.roomChanged();
    else this.#tellEnded();
  }

  lost(delivery: HeldDelivery<Claim>): void {
    this.left(delivery);
    this.#host.events.ownershipLost(this.queue, delivery.message.id);
  }

  #tellEnded(): void {
    if (this.#held.size === 0) this.#host.consumptionEnded(this);
  }
}

function checked(credit: number): number {
  if (credit >= 0) return credit;
  throw new ConfigurationError(`credit is ${credit}; give a number of at least 0`);
}
