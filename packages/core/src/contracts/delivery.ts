/** One hand-over of a message to one worker, and the stream of them. */

import type { Headers, Message } from "./message.ts";

/**
 * `done`: the broker has done it, as durably as it publishes. `lost`: the delivery was no longer ours; on a fenced broker nothing
 * changed. Asked while disconnected, a settlement resolves after the reconnect as one of the two (where ownership is the connection's,
 * perhaps at once as `lost`); it is never dropped.
 */
export type Settlement = "done" | "lost";

/** Why a message is in the dead letters. `details` is for people: an error's name and message, never a body. */
export interface DeadLetterReason {
  readonly code:
    | "failed"
    | "rejected"
    | "expired"
    | "unknown-task"
    | "undecodable"
    | "invalid"
    | "poison"
    | "cancelled"
    | (string & {});
  readonly details?: string;
}

/**
 * A message that is ours until it is settled or lost. The first settlement wins: a second one of any kind resolves with the first's
 * answer and changes nothing. Settlements asked in one tick leave as one command; none of them rejects for a reason other than a
 * closed broker (`BrokerClosedError`).
 */
export interface Delivery {
  readonly message: Message;
  readonly queue: string;
  /** The message was handed out before, as far as the broker can tell. */
  readonly redelivered: boolean;
  /** Hand-overs so far including this one; undefined where the broker does not count. */
  readonly deliveryCount?: number | undefined;
  /** Runs begun with {@link markStarted} since the last requeue; undefined where the broker does not count them. */
  readonly starts?: number | undefined;
  /** When ownership ends unless renewed: ms since the epoch on this process's clock, never later than the broker's own instant. Undefined where ownership is the connection's. Moves with {@link renew}. */
  readonly leaseExpiresAt?: number | undefined;
  /** Aborted once when the delivery is known to be no longer ours. Its work may go on; its settlement will say `lost`. */
  readonly lost: AbortSignal;
  /** The work is done: the message is removed, and never delivered again once this resolves with `done`. */
  ack(): Promise<Settlement>;
  /**
   * Another attempt: the message is ready again (after `delayMs`), with `headers` in place of its own. Atomic from outside: at every
   * instant the message exists at least once. The broker's `starts` begin at 0 again; the delivery count may.
   */
  requeue(options?: { readonly delayMs?: number; readonly headers?: Headers }): Promise<Settlement>;
  /** Given back untouched and unblamed: ready at once, in its old place where `stablePosition`, and not counted as a start. */
  release(): Promise<Settlement>;
  /** Moves the message with its reason, queue, headers and raw body to the dead letters. Atomic as {@link requeue}. */
  deadLetter(reason: DeadLetterReason): Promise<Settlement>;
  /** Ownership begins anew for a whole lease. Does nothing and says `done` where ownership is the connection's. */
  renew(): Promise<Settlement>;
  /**
   * Records that a run begins: `starts` + 1, stored before it resolves. The engine calls it for redelivered messages only, so that a
   * task which ends its worker again and again is told apart from its neighbours, at no cost to a first delivery. Resolves with `done` and records nothing
   * where `countsStarts` is false.
   */
  markStarted(): Promise<Settlement>;
}

export interface ConsumeOptions {
  readonly queue: string;
  /** The most deliveries held that are neither settled nor in a settlement already sent. 0 is legal: nothing is delivered yet. */
  readonly credit: number;
  /** Who consumes, for people who look into the broker. */
  readonly consumer?: string;
}

/**
 * A running subscription to one queue. It survives reconnects by itself; what it cannot survive (the queue is gone for good)
 * arrives as a `queue-lost` event of the broker.
 *
 * States: open → (stop) stopping → stopped. Deliveries arrive in `open` only. Settling works in all three until the broker closes.
 */
export interface Consumption extends AsyncDisposable {
  readonly queue: string;
  /** Deliveries handed over and neither settled nor in a settlement already sent. Never above the highest credit in force since they were taken. */
  readonly unsettled: number;
  /** Effective within 1 s. Lowering it below `unsettled` only stops new deliveries. */
  setCredit(credit: number): void;
  /** No delivery arrives after this resolves; the unsettled ones stay ours. Idempotent. */
  stop(): Promise<void>;
}
