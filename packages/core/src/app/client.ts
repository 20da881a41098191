/** A producer's connections: publishing, results, and cancelling. */

import type { Broker, RevokeOutcome } from "../contracts/broker.ts";
import type { ClientPort } from "../contracts/client.ts";
import { NoResultStoreError } from "../contracts/errors.ts";
import type { OutgoingMessage, PublishOutcome } from "../contracts/message.ts";
import { DEFAULT_RESULT_TTL_MS, type ResultRecord, type ResultStore } from "../contracts/results.ts";
import type { AppDefinition } from "../contracts/task.ts";
import { Batcher } from "./batcher.ts";
import { Producer } from "./producer.ts";

export interface ClientOptions {
  /** How long an unanswered publish is repeated, with the same ids, before it is reported as unknown, in ms. Default 10,000. */
  readonly publishTimeoutMs?: number;
}

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
  app: Pick<AppDefinition, "queues">,
  options: ClientOptions = {},
): BrokerClient {
  return new Client(broker, results, new Producer(broker, app.queues, options.publishTimeoutMs ?? PUBLISH_TIMEOUT_MS));
}

class Client implements BrokerClient {
  readonly #broker: Broker;
  readonly #results: ResultStore | undefined;
  readonly #producer: Producer;
  readonly #batcher: Batcher;
  #resultsReady: Promise<void> | undefined;

  constructor(broker: Broker, results: ResultStore | undefined, producer: Producer) {
    this.#broker = broker;
    this.#results = results;
    this.#producer = producer;
    this.#batcher = new Batcher((messages) => producer.publish(messages));
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

  async #recordCancelled(ids: readonly string[], { reason, task }: CancelOptions): Promise<void> {
    const store = await this.#store();
    const present = await store.read(ids);
    const finishedAt = Date.now();
    await store.write(
      ids.map((id, i) => ({
        id,
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
