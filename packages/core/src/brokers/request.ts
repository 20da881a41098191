/** What is asked of the server about one delivery, from the call until its answer. */

import { BrokerClosedError, type DeadLetterReason, type Headers, type Settlement } from "../contracts/index.ts";
import type { HeldDelivery } from "./held-delivery.ts";

/** `checkLease`: `lost` if the lease is over, `done` if the delivery is still ours. Asked when our clock says that it is over, and in place of a start that is not counted. */
export type RequestKind = "renew" | "markStarted" | "ack" | "release" | "requeue" | "deadLetter" | "checkLease";

interface Asked<Claim, Kind extends RequestKind> {
  readonly kind: Kind;
  readonly delivery: HeldDelivery<Claim>;
  readonly claim: Claim;
  readonly answered: boolean;
  /** It is on its way to the server: a settlement counts against no credit from now on. {@link Gathering.take} says so for all it gives out. */
  leaves(): void;
  /** Exactly once counts; later answers change nothing. On `lost` the delivery is known for lost by everybody before this returns. */
  answer(settlement: Settlement): void;
  /** The broker has closed before there was an answer: its caller gets `BrokerClosedError`. */
  abandon(): void;
}

/** Told apart by `kind`; what the server needs besides the claim is in the fields of that kind. */
export type DeliveryRequest<Claim = unknown> =
  | Asked<Claim, "renew" | "markStarted" | "ack" | "checkLease">
  /** `marks`: starts that this delivery has marked, and that a release takes back. */
  | (Asked<Claim, "release"> & { readonly marks: number })
  /** `delayMs` 0: at once. `headers` undefined: its own. */
  | (Asked<Claim, "requeue"> & { readonly delayMs: number; readonly headers: Headers | undefined })
  | (Asked<Claim, "deadLetter"> & { readonly reason: DeadLetterReason });

export const DONE: Promise<Settlement> = Promise.resolve("done");
export const LOST: Promise<Settlement> = Promise.resolve("lost");

export type RequestOf<Claim, Kind extends RequestKind> = Extract<DeliveryRequest<Claim>, { readonly kind: Kind }>;

/** One shape for all kinds: there may be a hundred thousand in a second. */
export class PendingRequest<Claim> {
  readonly kind: RequestKind;
  readonly delivery: HeldDelivery<Claim>;
  readonly delayMs: number;
  readonly headers: Headers | undefined;
  readonly reason: DeadLetterReason | undefined;
  answered = false;
  /** Of a renewal: when it was asked. */
  askedAt = 0;
  #closed = false;
  #promise: Promise<Settlement> | undefined;
  #resolve: ((settlement: Settlement | Promise<Settlement>) => void) | undefined;
  #reject: ((error: BrokerClosedError) => void) | undefined;

  constructor(
    kind: RequestKind,
    delivery: HeldDelivery<Claim>,
    delayMs = 0,
    headers: Headers | undefined = undefined,
    reason: DeadLetterReason | undefined = undefined,
  ) {
    this.kind = kind;
    this.delivery = delivery;
    this.delayMs = delayMs;
    this.headers = headers;
    this.reason = reason;
  }

  /** Made when someone wants it: nobody does where the broker asked by itself, and an answer within the call needs none of its own. */
  get promise(): Promise<Settlement> {
    if (this.#closed) return Promise.reject(new BrokerClosedError());
    this.#promise ??= new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    return this.#promise;
  }

  get claim(): Claim {
    return this.delivery.claim;
  }

  get marks(): number {
    return this.delivery.marks;
  }

  get settles(): boolean {
    return this.kind !== "renew" && this.kind !== "markStarted" && this.kind !== "checkLease";
  }

  /** It is on its way: a settlement counts against no credit from now on. */
  leaves(): void {
    if (this.settles) this.delivery.settlementLeft();
  }

  answer(settlement: Settlement): void {
    if (this.answered) return;
    this.answered = true;
    const told = this.delivery.answered(this, settlement);
    if (this.#resolve !== undefined) this.#resolve(told);
    else this.#promise = told === "done" ? DONE : told === "lost" ? LOST : told;
  }

  abandon(): void {
    if (this.answered) return;
    this.answered = true;
    if (this.#reject !== undefined) this.#reject(new BrokerClosedError());
    else this.#closed = true;
  }
}

export type RequestsByKind<Claim> = { readonly [Kind in RequestKind]: RequestOf<Claim, Kind>[] };

/**
 * For servers that are told one kind at a time, each list in the order asked. Renewals before settlements, as listed here: what is renewed and
 * settled in one tick is settled while it is ours.
 */
export function byKind<Claim>(requests: readonly DeliveryRequest<Claim>[]): RequestsByKind<Claim> {
  const groups: { [Kind in RequestKind]: DeliveryRequest<Claim>[] } = {
    renew: [],
    markStarted: [],
    ack: [],
    release: [],
    requeue: [],
    deadLetter: [],
    checkLease: [],
  };
  for (const request of requests) groups[request.kind].push(request);
  return groups as RequestsByKind<Claim>;
}
