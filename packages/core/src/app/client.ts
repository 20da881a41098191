/** A producer's connections: publishing, results, and cancelling. */

import type { Broker, RevokeOutcome } from "../contracts/broker.ts";
import type { ClientPort } from "../contracts/client.ts";
import { isLovageError, NoResultStoreError } from "../contracts/errors.ts";
import type { Headers, OutgoingMessage, PublishOutcome } from "../contracts/message.ts";
import { DEFAULT_RESULT_TTL_MS, type ResultRecord, type ResultStore } from "../contracts/results.ts";
import type { AppDefinition } from "../contracts/task.ts";
import { Batcher } from "./batcher.ts";
import { asLovageError, Producer } from "./producer.ts";

export interface ClientOptions {
  /** How long an unanswered publish is repeated, with the same ids, before it is reported as unknown, in ms. Default 10,000. */
  readonly publishTimeoutMs?: number;
}

/** What a client needs to know of an app. Without `resolve` every result counts as wanted. */
export type ClientApp = Pick<AppDefinition, "queues"> & Partial<Pick<AppDefinition, "resolve">>;

export interface BrokerClient extends ClientPort {
  /** Resolves when everything published so far has its outcome. */
  flush(): Promise<void>;
}

type CancelOptions = Parameters<ClientPort["cancel"]>[1];

const PUBLISH_TIMEOUT_MS = 10_000;
/** How long the control channel may collect answers to a cancel that nobody reads. */
const CANCEL_REPLY_MS = 1_000;

/**
 * A `ClientPort` on connections of this process. Connects at the first use, declares each queue once with the app's settings, and
 * sends what is published in one tick as one batch. Closing broker and result store stays with their owner.
 */
export function brokerClient(
  broker: Broker,
  results: ResultStore | undefined,
  app: ClientApp,
  options: ClientOptions = {},
): BrokerClient {
  return new Client(broker, results, app, options.publishTimeoutMs ?? PUBLISH_TIMEOUT_MS);
}

/** Whether the result of a message with these headers is kept where results are kept at all. */
export function keepsResult(app: ClientApp, { task, result }: Headers): boolean {
  if (result !== undefined) return result !== false;
  return app.resolve === undefined || app.resolve(task).resultTtlMs !== undefined;
}

class Client implements BrokerClient {
  readonly #broker: Broker;
  readonly #results: ResultStore | undefined;
  readonly #producer: Producer;
  readonly #batcher: Batcher;
  #resultsReady: Promise<void> | undefined;

  constructor(broker: Broker, results: ResultStore | undefined, app: ClientApp, publishTimeoutMs: number) {
    this.#broker = broker;
    this.#results = results;
    const producer = new Producer(broker, app.queues, publishTimeoutMs);
    this.#producer = producer;
    this.#batcher = new Batcher(
      results?.capabilities.keptFor !== "caller"
        ? (messages) => producer.publish(messages)
        : (messages) => this.#publishExpecting(messages, app, publishTimeoutMs),
    );
  }

  publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
    return this.#batcher.add(messages);
  }

  flush(): Promise<void> {
    return this.#batcher.idle();
  }

  async read(ids: readonly string[]): Promise<readonly (ResultRecord | undefined)[]> {
    return (await this.#store()).read(ids);
  }

  async waitFinal(id: string, timeoutMs: number): Promise<ResultRecord | undefined> {
    const store = await this.#store();
    const end = new AbortController();
    const timer = setTimeout(() => end.abort(), timeoutMs);
    try {
      for await (const record of store.wait(id, { signal: end.signal })) if (record.final) return record;
      return undefined;
    } finally {
      clearTimeout(timer);
      end.abort();
    }
  }

  async cancel(ids: readonly string[], options: CancelOptions): Promise<readonly RevokeOutcome[]> {
    await this.#producer.connect();
    const outcomes = await this.#broker.revoke(ids);
    const removed = outcomes.filter(({ status }) => status === "removed").map(({ id }) => id);
    const elsewhere = outcomes.filter(({ status }) => status !== "removed").map(({ id }) => id);
    if (elsewhere.length > 0) this.#tellWorkers(elsewhere, options);
    if (removed.length > 0 && this.#results !== undefined) await this.#recordCancelled(removed, options);
    return outcomes;
  }

  /** Not waited for, and its loss is legal: the broker remembers the revocation, so a worker that misses this only works in vain. */
  #tellWorkers(ids: readonly string[], { reason, stop }: CancelOptions): void {
    const control = this.#broker.control;
    if (control === undefined) return;
    const args = { ids, ...(reason === undefined ? {} : { reason }), ...(stop === undefined ? {} : { stop }) };
    const ask = async (): Promise<void> => {
      for await (const _ of control.broadcast({ name: "cancel", args }, { timeoutMs: CANCEL_REPLY_MS }));
    };
    ask().catch(() => undefined);
  }

  /** What nobody could be told the result of is refused: whoever enqueues it wants to know. */
  async #publishExpecting(
    messages: readonly OutgoingMessage[],
    app: ClientApp,
    timeoutMs: number,
  ): Promise<readonly PublishOutcome[]> {
    const until = performance.now() + timeoutMs;
    const awaited = messages.filter(({ headers }) => keepsResult(app, headers)).map(({ id }) => id);
    if (awaited.length === 0) return this.#producer.publish(messages);
    let replyTo: string;
    try {
      const store = await this.#producer.before(until, this.#store());
      replyTo = await this.#producer.before(until, store.expect?.(awaited) ?? Promise.reject(new NoResultStoreError()));
    } catch (error) {
      const refusal = asLovageError(error);
      return messages.map(({ id }) => ({ id, status: "refused", error: refusal }));
    }
    const ids = new Set(awaited);
    const outcomes = await this.#producer.publish(
      messages.map((message) =>
        ids.has(message.id) ? { ...message, headers: { ...message.headers, replyTo } } : message,
      ),
    );
    const refused = outcomes.filter(({ id, status }) => status === "refused" && ids.has(id)).map(({ id }) => id);
    if (refused.length > 0) await this.#results?.forget(refused);
    return outcomes;
  }

  async #recordCancelled(ids: readonly string[], { reason, task }: CancelOptions): Promise<void> {
    const store = await this.#store();
    const known = store.capabilities.keptFor === "anyone" ? ids : await ownOf(store, ids);
    if (known.length === 0) return;
    const replyTo = store.capabilities.keptFor === "anyone" ? undefined : await store.expect?.(known);
    const present = await store.read(known);
    const finishedAt = Date.now();
    await store.write(
      known.map((id, i) => ({
        id,
        ...(replyTo === undefined ? {} : { replyTo }),
        task: present[i]?.task ?? task ?? "",
        state: "cancelled",
        final: true,
        // A record is replaced only by one of the same or a later attempt.
        attempt: present[i]?.attempt ?? 1,
        finishedAt,
        ttlMs: DEFAULT_RESULT_TTL_MS,
        error: { name: "TaskCancelledError", message: reason ?? "cancelled", code: "TASK_CANCELLED" },
      })),
    );
  }

  #store(): Promise<ResultStore> {
    const store = this.#results;
    if (store === undefined) return Promise.reject(new NoResultStoreError());
    this.#resultsReady ??= store.connect().catch((error: unknown) => {
      this.#resultsReady = undefined;
      throw error;
    });
    return this.#resultsReady.then(() => store);
  }
}

/** Of tasks that others enqueued nobody here knows where their callers wait. */
async function ownOf(store: ResultStore, ids: readonly string[]): Promise<readonly string[]> {
  const own = await Promise.all(
    ids.map((id) =>
      store.read([id]).then(
        () => true,
        (error: unknown) => {
          if (isLovageError(error, "RESULT_ELSEWHERE") || isLovageError(error, "RESULT_LOST")) return false;
          throw error;
        },
      ),
    ),
  );
  return ids.filter((_, index) => own[index]);
}
