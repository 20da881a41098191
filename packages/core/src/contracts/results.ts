/** Where the results of tasks are kept. */

import type { ErrorData } from "./errors.ts";
import type { Payload } from "./message.ts";

/** A task without a record is queued, or unknown. `running` is written once a run has lasted a second or reported progress. */
export type ResultState = "running" | "retrying" | "succeeded" | "failed" | "cancelled";

export interface ResultRecord {
  readonly id: string;
  readonly task: string;
  readonly state: ResultState;
  /** No later record of this id will differ: succeeded, failed or cancelled. */
  readonly final: boolean;
  readonly attempt: number;
  /** The return value as encoded by the app's codec; present when succeeded with a value other than undefined. */
  readonly value?: Payload;
  readonly error?: ErrorData;
  /** What the task last reported through `progress()`. */
  readonly progress?: Payload;
  readonly worker?: string;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  /** How long the record is kept after this write, in ms. Default one hour. */
  readonly ttlMs?: number;
  /** Where its caller waits, as the message said: see {@link ResultStore.expect}. Given to stores that keep records for callers only. */
  readonly replyTo?: string;
}

export const DEFAULT_RESULT_TTL_MS = 3_600_000;

/** What a result store can do, as values, known before it is connected. */
export interface ResultStoreCapabilities {
  /**
   * Who gets a record. `anyone`: whoever knows its id, in any process, for as long as it is kept. `caller`: only the store whose
   * {@link ResultStore.expect} was told of it before the task was enqueued, in the memory of its process, for as long as that lives; what nobody expects is
   * not written. Core then has every message whose result is kept carry an address, and hands it back with each of its records.
   */
  readonly keptFor: "anyone" | "caller";
}

/**
 * All methods may be called in parallel; calls made in one tick leave as one command. A store may be slow or away: the engine holds
 * a bounded number of writes and stops taking work past it, and never loses the outcome of a task over it.
 */
export interface ResultStore extends AsyncDisposable {
  readonly name: string;
  readonly capabilities: ResultStoreCapabilities;
  connect(options?: { readonly signal?: AbortSignal }): Promise<void>;
  close(): Promise<void>;
  /**
   * Compare-and-set on (final, attempt): a record replaces another only if that one is not final, and its own attempt is not lower.
   * A late first attempt never replaces a newer or final record; losing that comparison is not an error.
   */
  write(records: readonly ResultRecord[]): Promise<void>;
  /**
   * Tasks with these ids are about to be enqueued: resolves with the address that their messages carry in `replyTo`, once what is sent there
   * arrives here. Expecting an id again is legal. Rejects with `BrokerUnavailableError`: then they must not be enqueued with an address. Present where
   * `keptFor` is `caller`.
   */
  expect?(ids: readonly string[]): Promise<string>;
  /**
   * In the order asked; undefined where there is none or it has expired. Where `keptFor` is `caller`: rejects with `ResultElsewhereError` for an
   * id that was not expected here or whose record has expired, and with `ResultLostError` for one whose record may have been sent while it could not arrive.
   */
  read(ids: readonly string[]): Promise<readonly (ResultRecord | undefined)[]>;
  /**
   * Every change from now on until the final record, beginning with the present record if there is one; intermediate records may be
   * skipped, the final one never is. No wake-up is lost between read and subscribe. Ends without a final record only when `signal` aborts.
   * Throws what `read` would reject with, at once or as soon as it is so.
   */
  wait(id: string, options?: { readonly signal?: AbortSignal }): AsyncIterable<ResultRecord>;
  /** There is no record of these any more, and where `keptFor` is `caller`, none is expected. */
  forget(ids: readonly string[]): Promise<void>;
}
