/**
 * The Broker contract: three roles, so that a producer needs the first only, plus what an adapter may offer besides.
 *
 * What holds for all methods: they may be called in parallel; a promise settles within the adapter's operation deadline (10 s unless
 * its options say otherwise) or rejects with `BrokerUnavailableError`; after `close` they reject with `BrokerClosedError`. Adapters
 * translate their client's errors; nothing of a client library crosses this file. No error or event carries credentials, bodies or
 * headers.
 */

import type { BrokerCapabilities } from "./capabilities.ts";
import type { ControlChannel } from "./control.ts";
import type { ConsumeOptions, Consumption, DeadLetterReason, Delivery } from "./delivery.ts";
import type { LovageError } from "./errors.ts";
import type { Headers, OutgoingMessage, Payload, PublishOutcome } from "./message.ts";

export interface Publisher {
  /**
   * Stores messages. Resolves with one outcome per message, in the order given; order within one queue and priority is kept. Never
   * rejects for a message's sake: one refused message does not refuse the others. Calls made in one tick leave as one command.
   */
  publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]>;
}

export interface Source {
  /**
   * Starts taking messages from one queue, at most `credit` at a time. `onDeliveries` is called with one or more deliveries and must
   * not throw. Rejects with `QueueNotFoundError` for a queue that was never declared. Two consumptions of one queue in one process
   * are legal and independent.
   */
  consume(options: ConsumeOptions, onDeliveries: (batch: readonly Delivery[]) => void): Promise<Consumption>;
}

export interface QueueDeclaration {
  /** 1 to 128 characters of `A–Z a–z 0–9 . _ -`. */
  readonly name: string;
  /** How long a delivery is ours without renewal, in ms. Default 10,000; at least 1,000. A setting of the queue: all its workers share it. */
  readonly leaseMs?: number;
  /** The most dead letters kept; the oldest go first. Default 10,000. */
  readonly maxDead?: number;
  /** How long dead letters are kept, in ms. Default 14 days. */
  readonly deadRetentionMs?: number;
}

export const DEFAULT_LEASE_MS = 10_000;
export const DEFAULT_MAX_DEAD = 10_000;
export const DEFAULT_DEAD_RETENTION_MS: number = 14 * 24 * 3_600_000;
/** How long a revocation is remembered, in ms: copies that appear later are dropped until then. */
export const DEFAULT_REVOKE_TTL_MS: number = 24 * 3_600_000;

/** Numbers are exact when the queue is idle, else within the operations in flight. `undefined`: this broker cannot tell. */
export interface QueueDepth {
  readonly ready: number | undefined;
  readonly delayed: number | undefined;
  readonly owned: number | undefined;
  readonly dead: number | undefined;
  readonly paused: boolean | undefined;
}

export interface DeadLetter {
  readonly id: string;
  readonly queue: string;
  readonly headers: Headers;
  readonly body: Payload;
  readonly priority: number;
  readonly reason: DeadLetterReason;
  readonly deadAt: number;
  readonly deliveryCount?: number;
}

/** `removed`: it was waiting and is gone. `owned`: a worker holds it; it will not become ready again. `absent`: not here (finished, or not yet published): remembered. `unknown`: this broker cannot tell. */
export type RevokeOutcome = { readonly id: string; readonly status: "removed" | "owned" | "absent" | "unknown" };

export interface QueueAdmin {
  /**
   * Creates the queue, or brings its settings up to date; a setting that the declaration leaves out stays as it is (the default, for a
   * new queue), so that a producer which only names the queue undoes nothing. Idempotent, safe in parallel. Rejects with
   * `ConfigurationError` for a bad name or setting.
   */
  ensureQueue(declaration: QueueDeclaration): Promise<void>;
  /** Names of the declared queues, sorted. */
  queues(): Promise<readonly string[]>;
  depth(queue: string): Promise<QueueDepth>;
  /** Age in ms of the ready message that has waited longest since it became ready; undefined when none waits or the broker cannot tell. */
  oldestReadyAge(queue: string): Promise<number | undefined>;
  /** No new delivery to anyone within 1 s; owned messages are untouched. Survives restarts of workers and broker. */
  pause(queue: string): Promise<void>;
  resume(queue: string): Promise<void>;
  /**
   * A message not owned is never delivered once this resolves. An owned one stays with its holder, who may ack or dead-letter it;
   * requeue, release or a lapsed lease removes it. Remembered for a day, so that a copy which appears later is dropped as well.
   */
  revoke(ids: readonly string[]): Promise<readonly RevokeOutcome[]>;
  /** Removes ready and, if asked, delayed messages; resolves with their number. Owned ones: see `purgeKeepsOwned`. */
  purge(queue: string, options?: { readonly delayed?: boolean }): Promise<number>;
  /** Dead letters of a queue, oldest first, at most `limit` (default 100), after the one with id `after`. */
  deadLetters(
    queue: string,
    options?: { readonly limit?: number; readonly after?: string; readonly ids?: readonly string[] },
  ): Promise<readonly DeadLetter[]>;
  /** Makes dead letters ready again with the same id; `attempt` and `starts` begin anew, and a revocation of the id is forgotten. Resolves with the number moved. */
  redrive(queue: string, ids: readonly string[] | "all"): Promise<number>;
  /** Removes dead letters for good. Resolves with their number. */
  dropDead(queue: string, ids: readonly string[] | "all"): Promise<number>;
  /** Removes the queue and everything in it; afterwards the broker holds nothing of it. Consumptions of it get `queue-lost`. Resolves with what was destroyed. */
  destroyQueue(queue: string): Promise<QueueDepth>;
}

export type BrokerEvent =
  | { readonly type: "connected" }
  | { readonly type: "disconnected"; readonly error?: LovageError }
  /** The server holds publishers back, or does so no longer. */
  | { readonly type: "blocked"; readonly reason: string }
  | { readonly type: "unblocked" }
  /** Deliveries that are no longer ours. Their `lost` signals are aborted before this event. */
  | { readonly type: "ownership-lost"; readonly queue: string; readonly ids: readonly string[] }
  /** A consumption had gone quiet or was cut and has been set up anew. */
  | { readonly type: "consumption-restarted"; readonly queue: string; readonly reason: string }
  /** The queue is gone and was not re-created; its consumption is stopped. */
  | { readonly type: "queue-lost"; readonly queue: string }
  /** Something that an operator should change: a durability setting, a version. Shown in the banner and by `doctor`. */
  | { readonly type: "warning"; readonly code: string; readonly message: string };

export interface Broker extends Publisher, Source, QueueAdmin, AsyncDisposable {
  /** A short name for people: `sqlite`, `redis`. Nobody branches on it. */
  readonly name: string;
  /** Where it is, for people, without credentials: `sqlite:./lovage.db`. */
  readonly address: string;
  /** Throws `BrokerUnavailableError` before `connect()` has resolved. */
  readonly capabilities: BrokerCapabilities;
  /** Broadcast, replies and events, where the server can carry them. */
  readonly control?: ControlChannel;
  /**
   * Reaches the server and learns what it can. Keeps trying with backoff and jitter until it succeeds or `signal` aborts; what cannot
   * get better by waiting (bad credentials, a newer layout) rejects at once. Idempotent.
   */
  connect(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /**
   * Stops consumptions, sends what was asked before, closes what it opened, and leaves a client that was passed in open. Unsettled
   * deliveries are given back where the server can do it at once, else their leases lapse. Resolves within 5 s even if the server is
   * gone; afterwards nothing of it keeps the process alive. Idempotent.
   */
  close(): Promise<void>;
  /** Returns the function that ends it. Listeners must not throw. */
  onEvent(listener: (event: BrokerEvent) => void): () => void;
  /** What `lovage doctor` prints: findings about the server and its settings. */
  diagnose?(): Promise<readonly Diagnosis[]>;
}

export interface Diagnosis {
  readonly check: string;
  readonly level: "ok" | "warning" | "error";
  readonly finding: string;
  /** What to do; absent when all is well. */
  readonly advice?: string;
}
