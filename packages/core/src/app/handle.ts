/** A handle on one run: what a caller can ask of it after enqueueing. */

import type { RevokeOutcome } from "../contracts/broker.ts";
import type { ClientPort } from "../contracts/client.ts";
import type { Codec } from "../contracts/codec.ts";
import { ResultNotFoundError, ResultTimeoutError, TaskCancelledError, TaskFailedError } from "../contracts/errors.ts";
import type { ResultRecord, ResultState } from "../contracts/results.ts";
import type { Duration } from "../contracts/task.ts";
import { durationMs } from "./duration.ts";

/** One wait asked of the connection; longer waits are made of several, so that none outlives a lost connection for long. */
const WAIT_MS = 30_000;

/** The app behind a handle. */
export interface HandleSource {
  port(): ClientPort;
  readonly codec: Codec;
}

/** Plain to keep and cheap to drop: it holds an id, and asks only when asked. */
export class RunHandle<R = unknown> {
  /** UUID of the message; `app.handle(id)` makes the same handle elsewhere. */
  readonly id: string;
  readonly #source: HandleSource;
  readonly #task: string | undefined;
  readonly #kept: boolean;

  constructor(id: string, source: HandleSource, task?: string, kept = true) {
    this.id = id;
    this.#source = source;
    this.#task = task;
    this.#kept = kept;
  }

  /**
   * What the task returned. Waits until the run has ended for good, at most `timeout` (default: without end). Rejects with
   * `TaskFailedError`, `TaskCancelledError`, `ResultTimeoutError` (the run goes on), `NoResultStoreError`, or `ResultNotFoundError`
   * for a task that keeps no result. With a result store that keeps them for callers only also with `ResultElsewhereError`, where this process
   * did not enqueue it, and `ResultLostError`.
   */
  async result(options: { readonly timeout?: Duration } = {}): Promise<R> {
    const timeoutMs = options.timeout === undefined ? undefined : durationMs(options.timeout, "result({ timeout })");
    if (!this.#kept) throw new ResultNotFoundError(this.id);
    const port = this.#source.port();
    const until = timeoutMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs;
    for (;;) {
      const leftMs = Math.max(0, until - performance.now());
      const record = await port.waitFinal(this.id, Math.min(leftMs, WAIT_MS));
      if (record !== undefined) return this.#valueOf(record);
      if (performance.now() >= until) throw new ResultTimeoutError(this.id, timeoutMs as number);
    }
  }

  /** `undefined`: it has no record. It waits, has just begun, keeps no result, or its record has expired. */
  async state(): Promise<ResultState | undefined> {
    return (await this.#record())?.state;
  }

  /** What the task last reported through `progress()`; undefined when it has not. */
  async progress(): Promise<unknown> {
    const progress = (await this.#record())?.progress;
    return progress === undefined ? undefined : this.#source.codec.decodeValue(progress);
  }

  /**
   * A waiting run never begins (`removed`). A running one (`owned`) has its signal aborted, and with `stop` is killed after the
   * abort's grace. `absent`: it has ended, or has not arrived yet and will not run. Does not wait for the task to end.
   */
  async cancel(options: { readonly reason?: string; readonly stop?: boolean } = {}): Promise<RevokeOutcome["status"]> {
    const [outcome] = await this.#source
      .port()
      .cancel([this.id], this.#task === undefined ? options : { ...options, task: this.#task });
    return outcome?.status ?? "unknown";
  }

  async #record(): Promise<ResultRecord | undefined> {
    const [record] = await this.#source.port().read([this.id]);
    return record;
  }

  #valueOf(record: ResultRecord): R {
    if (record.state === "succeeded") {
      return (record.value === undefined ? undefined : this.#source.codec.decodeValue(record.value)) as R;
    }
    if (record.state === "cancelled") throw new TaskCancelledError(this.id, reasonIn(record));
    throw new TaskFailedError(this.id, record.error ?? { name: "Error", message: "no error was recorded" });
  }
}

/** A cancel without a reason is recorded as "cancelled", which as a reason would only repeat itself. */
function reasonIn({ error }: ResultRecord): string | undefined {
  return error?.message === "cancelled" ? undefined : error?.message;
}
