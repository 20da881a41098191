import {
  BrokerClosedError,
  type DeadLetterReason,
  type Delivery,
  type Headers,
  type Message,
  type Settlement,
} from "../contracts/index.ts";
import { type DeliveryRequest, DONE, LOST, PendingRequest } from "./request.ts";

/** What an adapter says of a message that it has taken. */
export interface Taken<Claim> {
  readonly message: Message;
  /** How the adapter knows what it holds, and proves it: a row and a token, a delivery tag and its channel, a file's name. */
  readonly claim: Claim;
  /** Leave out where the broker does not count. */
  readonly deliveryCount?: number | undefined;
  /** Default: it was delivered more than once. */
  readonly redelivered?: boolean | undefined;
  /** Leave out where the broker does not count starts: then `markStarted` records nothing, and asks no more than whether the lease is over. */
  readonly starts?: number | undefined;
  /** On our clock, counted from before the claim was asked. Leave out where ownership is the connection's: then `renew` asks nobody. */
  readonly leaseExpiresAt?: number | undefined;
}

/** What a delivery needs of its consumption. */
export interface DeliveryHome<Claim> {
  readonly queue: string;
  readonly leaseMs: number | undefined;
  readonly brokerClosed: boolean;
  ask(request: DeliveryRequest<Claim>): void;
  /** A settlement has left: it counts against the credit no longer. */
  left(delivery: HeldDelivery<Claim>): void;
  lost(delivery: HeldDelivery<Claim>): void;
}

/**
 * held → (a settlement is asked) settling → settled; held or settling → (lost, broker closed) lost.
 *
 * The first settlement wins, and its answer stands for everything that is asked later.
 */
export class HeldDelivery<Claim = unknown> implements Delivery {
  readonly message: Message;
  readonly redelivered: boolean;
  readonly deliveryCount: number | undefined;
  starts: number | undefined;
  /** What `starts` was at the hand-over, and is again after a release: unblamed. */
  readonly startsBefore: number | undefined;
  /** Moves with each renewal; an adapter that learns it from its server may set it. */
  leaseExpiresAt: number | undefined;
  /** An adapter whose proof changes with a renewal sets the new one before it answers. */
  claim: Claim;
  readonly #home: DeliveryHome<Claim>;
  #marks = 0;
  /** The settlement that was asked first. */
  #settling: PendingRequest<Claim> | undefined;
  #isLost = false;
  #lost: AbortController | undefined;

  constructor(home: DeliveryHome<Claim>, taken: Taken<Claim>) {
    const { message, claim, deliveryCount, starts, leaseExpiresAt, redelivered } = taken;
    this.message = message;
    this.claim = claim;
    this.deliveryCount = deliveryCount;
    this.redelivered = redelivered ?? (deliveryCount !== undefined && deliveryCount > 1);
    this.starts = starts;
    this.startsBefore = starts;
    this.leaseExpiresAt = leaseExpiresAt;
    this.#home = home;
  }

  get queue(): string {
    return this.#home.queue;
  }

  /** Starts marked since the hand-over. */
  get marks(): number {
    return this.#marks;
  }

  get isLost(): boolean {
    return this.#isLost;
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
    return this.#final() ?? this.#settle(new PendingRequest("ack", this));
  }

  requeue(options: { readonly delayMs?: number; readonly headers?: Headers } = {}): Promise<Settlement> {
    const { delayMs = 0, headers } = options;
    return this.#final() ?? this.#settle(new PendingRequest("requeue", this, delayMs, headers && { ...headers }));
  }

  release(): Promise<Settlement> {
    return this.#final() ?? this.#settle(new PendingRequest("release", this));
  }

  deadLetter(reason: DeadLetterReason): Promise<Settlement> {
    return this.#final() ?? this.#settle(new PendingRequest("deadLetter", this, 0, undefined, reason));
  }

  renew(): Promise<Settlement> {
    const final = this.#final();
    if (final !== undefined) return final;
    if (this.leaseExpiresAt === undefined) return DONE;
    const request = new PendingRequest("renew", this);
    request.askedAt = Date.now();
    this.#ask(request);
    return request.promise;
  }

  markStarted(): Promise<Settlement> {
    const final = this.#final();
    if (final !== undefined) return final;
    if (this.starts === undefined && this.leaseExpiresAt === undefined) return DONE;
    // Where there is nothing to record, a holder that is about to begin is still told that it has lost the delivery.
    const request = new PendingRequest(this.starts === undefined ? "checkLease" : "markStarted", this);
    if (request.kind === "markStarted") this.#marks += 1;
    this.#ask(request);
    return request.promise;
  }

  /** Our clock says that its lease is over: asks the server, and knows it for lost if so. */
  checkLease(): void {
    if (this.#settling !== undefined || this.#isLost || this.#home.brokerClosed) return;
    this.#ask(new PendingRequest("checkLease", this));
  }

  /** The broker closes: its holder did not give it back, so it is told, and what it asks from now on is refused. */
  surrender(): void {
    if (this.#settling !== undefined || this.#isLost) return;
    this.#ask(new PendingRequest("release", this));
    this.#lose();
  }

  /** It is known to be no longer ours: whoever holds it is told, and its credit is free. What was asked is answered all the same. */
  lose(): void {
    if (this.#isLost) return;
    this.#lose();
    this.#home.lost(this);
  }

  /** For {@link PendingRequest}: what an answer means here, and what the caller is told. */
  answered(request: PendingRequest<Claim>, settlement: Settlement): Settlement | Promise<Settlement> {
    // A settlement that left while this was under way says itself whether the delivery was ours.
    if (!request.settles && this.#settling !== undefined) return this.#settling.promise;
    if (settlement === "lost") this.lose();
    else if (request.kind === "markStarted" && this.starts !== undefined) this.starts += 1;
    else if (request.kind === "renew" && this.#home.leaseMs !== undefined) {
      // Counted from before the request: never later than the instant that the server knows.
      this.leaseExpiresAt = Math.max(this.leaseExpiresAt ?? 0, request.askedAt + this.#home.leaseMs);
    }
    return settlement;
  }

  /** For {@link PendingRequest}: a settlement of it has left. */
  settlementLeft(): void {
    this.#home.left(this);
  }

  #lose(): void {
    this.#isLost = true;
    this.#lost?.abort();
  }

  /** What is known without asking. */
  #final(): Promise<Settlement> | undefined {
    if (this.#settling !== undefined) return this.#settling.promise;
    if (this.#home.brokerClosed) return Promise.reject(new BrokerClosedError());
    return this.#isLost ? LOST : undefined;
  }

  #settle(request: PendingRequest<Claim>): Promise<Settlement> {
    this.#settling = request;
    this.#ask(request);
    return request.promise;
  }

  #ask(request: PendingRequest<Claim>): void {
    this.#home.ask(request as unknown as DeliveryRequest<Claim>);
  }
}
