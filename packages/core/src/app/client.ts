/** A producer's connections: publishing with retries of what is not known, results, and cancelling. */

import type { Broker, QueueDeclaration, RevokeOutcome } from "../contracts/broker.ts";
import type { ClientPort } from "../contracts/client.ts";
import { BrokerUnavailableError, isLovageError, LovageError, NoResultStoreError } from "../contracts/errors.ts";
import type { OutgoingMessage, PublishOutcome } from "../contracts/message.ts";
import { DEFAULT_RESULT_TTL_MS, type ResultRecord, type ResultStore } from "../contracts/results.ts";
import type { AppDefinition, QueueOptions } from "../contracts/task.ts";
import { Batcher } from "./batcher.ts";
import { durationMs } from "./duration.ts";
import { refusalOf } from "./refusal.ts";

export interface ClientOptions {
  /** How long an unanswered publish is repeated, with the same ids, before it is reported as unknown, in ms. Default 10,000. */
  readonly publishTimeoutMs?: number;
}

export interface BrokerClient extends ClientPort {
  /** Resolves when everything published so far has its outcome. */
  flush(): Promise<void>;
}

const PUBLISH_TIMEOUT_MS = 10_000;
const FIRST_RETRY_MS = 25;
const MAX_RETRY_MS = 1_000;
/** How long the control channel may collect answers to a cancel that nobody reads. */
const CANCEL_REPLY_MS = 1_000;

/** A `ClientPort` on a broker of this process. Connects at the first use and declares each queue once; closing stays with the broker's owner. */
export function brokerClient(
  broker: Broker,
  results: ResultStore | undefined,
  app: Pick<AppDefinition, "queues">,
  options: ClientOptions = {},
): BrokerClient {
  return new Client(broker, results, app, options.publishTimeoutMs ?? PUBLISH_TIMEOUT_MS);
}

/** How a queue of an app is declared to a broker. */
export function declarationOf(name: string, options: QueueOptions = {}): QueueDeclaration {
  const { lease, maxDead, deadRetention } = options;
  return {
    name,
    ...(lease === undefined ? {} : { leaseMs: durationMs(lease, `queue "${name}": lease`) }),
    ...(maxDead === undefined ? {} : { maxDead }),
    ...(deadRetention === undefined
      ? {}
      : { deadRetentionMs: durationMs(deadRetention, `queue "${name}": deadRetention`) }),
  };
}

class Client implements BrokerClient {
  readonly #broker: Broker;
  readonly #results: ResultStore | undefined;
  readonly #queues: AppDefinition["queues"];
  readonly #timeoutMs: number;
  readonly #batcher = new Batcher((messages) => this.#send(messages));
  readonly #declared = new Set<string>();
  #connected = false;
  #connecting: Promise<void> | undefined;
  readonly #declaring = new Map<string, Promise<void>>();
  #resultsReady: Promise<void> | undefined;

  constructor(broker: Broker, results: ResultStore | undefined, app: Pick<AppDefinition, "queues">, timeoutMs: number) {
    this.#broker = broker;
    this.#results = results;
    this.#queues = app.queues;
    this.#timeoutMs = timeoutMs;
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

  async cancel(
    ids: readonly string[],
    options: { readonly reason?: string; readonly stop?: boolean; readonly task?: string },
  ): Promise<readonly RevokeOutcome[]> {
    await this.#connect();
    const outcomes = await this.#broker.revoke(ids);
    const elsewhere = outcomes.filter(({ status }) => status !== "removed").map(({ id }) => id);
    if (elsewhere.length > 0) this.#tellWorkers(elsewhere, options);
    const removed = outcomes.filter(({ status }) => status === "removed").map(({ id }) => id);
    if (removed.length > 0 && this.#results !== undefined) await this.#recordCancelled(removed, options);
    return outcomes;
  }

  /** Not waited for: the broker already remembers the revocation, so a worker that misses this only goes on for nothing. */
  #tellWorkers(ids: readonly string[], { reason, stop }: { readonly reason?: string; readonly stop?: boolean }): void {
    const control = this.#broker.control;
    if (control === undefined) return;
    const args = { ids, ...(reason === undefined ? {} : { reason }), ...(stop === undefined ? {} : { stop }) };
    const ask = async (): Promise<void> => {
      for await (const _ of control.broadcast({ name: "cancel", args }, { timeoutMs: CANCEL_REPLY_MS }));
    };
    ask().catch(() => undefined);
  }

  async #recordCancelled(
    ids: readonly string[],
    { reason, task }: { readonly reason?: string; readonly task?: string },
  ): Promise<void> {
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
        ...(reason === undefined ? {} : { error: { name: "TaskCancelledError", message: reason } }),
      })),
    );
  }

  async #send(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
    const until = performance.now() + this.#timeoutMs;
    try {
      if (!this.#connected) await this.#before(until, this.#connect());
      await this.#before(until, this.#declare(messages));
    } catch (error) {
      const refusal = asLovageError(error);
      return messages.map(({ id }) => ({ id, status: "refused", error: refusal }));
    }
    const outcomes = await this.#publishOnce(messages);
    let redo = toRepeat(outcomes);
    for (let waitMs = FIRST_RETRY_MS; redo.length > 0; waitMs = Math.min(waitMs * 2, MAX_RETRY_MS)) {
      const leftMs = until - performance.now();
      if (leftMs <= 0) break;
      await sleep(Math.min(leftMs, waitMs * (0.5 + Math.random() / 2)));
      const again = redo.map((i) => messages[i] as OutgoingMessage);
      const answers = await this.#publishOnce(again);
      redo.forEach((at, i) => {
        outcomes[at] = answers[i] as PublishOutcome;
      });
      redo = toRepeat(outcomes);
    }
    return outcomes;
  }

  /** One try, each message with an outcome; what the broker must not be given is refused here. */
  async #publishOnce(messages: readonly OutgoingMessage[]): Promise<PublishOutcome[]> {
    const { capabilities } = this.#broker;
    const refused = new Map<number, LovageError>();
    for (let i = 0; i < messages.length; i++) {
      const refusal = refusalOf(messages[i] as OutgoingMessage, capabilities);
      if (refusal !== undefined) refused.set(i, refusal);
    }
    const sent = refused.size === 0 ? messages : messages.filter((_, i) => !refused.has(i));
    let outcomes: readonly PublishOutcome[];
    try {
      outcomes = sent.length === 0 ? [] : await this.#broker.publish(sent);
    } catch (error) {
      const cause = asLovageError(error);
      const status = cause.retryable ? "unknown" : "refused";
      outcomes = sent.map(({ id }) => ({ id, status, error: cause }));
    }
    const lost = await this.#redeclare(sent, outcomes);
    if (lost !== undefined) outcomes = lost;
    if (refused.size === 0) return [...outcomes];
    let next = 0;
    return messages.map((message, i) => {
      const error = refused.get(i);
      return error === undefined ? (outcomes[next++] as PublishOutcome) : { id: message.id, status: "refused", error };
    });
  }

  /** A queue destroyed since it was declared is declared anew, once, and its messages sent again. */
  async #redeclare(
    messages: readonly OutgoingMessage[],
    outcomes: readonly PublishOutcome[],
  ): Promise<readonly PublishOutcome[] | undefined> {
    const gone = messages.filter((_, i) => isGone(outcomes[i]));
    if (gone.length === 0) return undefined;
    for (const { queue } of gone) this.#declared.delete(queue);
    await this.#declare(gone);
    const again = await this.#broker.publish(gone);
    let next = 0;
    return outcomes.map((outcome) => (isGone(outcome) ? (again[next++] as PublishOutcome) : outcome));
  }

  #connect(): Promise<void> {
    this.#connecting ??= this.#broker.connect().then(
      () => {
        this.#connected = true;
      },
      (error: unknown) => {
        this.#connecting = undefined;
        throw error;
      },
    );
    return this.#connecting;
  }

  /** Undefined when all queues are known: the usual case costs no promise. */
  #declare(messages: readonly OutgoingMessage[]): Promise<unknown> | undefined {
    const missing = messages.filter(({ queue }) => !this.#declared.has(queue)).map(({ queue }) => queue);
    return missing.length === 0
      ? undefined
      : Promise.all([...new Set(missing)].map((queue) => this.#declareOne(queue)));
  }

  #declareOne(queue: string): Promise<void> {
    let declaring = this.#declaring.get(queue);
    if (declaring === undefined) {
      declaring = this.#broker
        .ensureQueue(declarationOf(queue, this.#queues[queue]))
        .then(() => void this.#declared.add(queue))
        .finally(() => this.#declaring.delete(queue));
      this.#declaring.set(queue, declaring);
    }
    return declaring;
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

  /** Waits for `work` until the deadline; the work itself goes on, for those who come later. */
  async #before(until: number, work: Promise<unknown> | undefined): Promise<void> {
    if (work === undefined) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () =>
          reject(
            new BrokerUnavailableError(
              `broker ${this.#broker.name} was not reached within ${this.#timeoutMs} ms; nothing was sent`,
            ),
          ),
        Math.max(0, until - performance.now()),
      );
    });
    try {
      await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function isGone(outcome: PublishOutcome | undefined): boolean {
  return outcome?.status === "refused" && isLovageError(outcome.error, "QUEUE_NOT_FOUND");
}

/** Places of the outcomes that publishing again can still decide. */
function toRepeat(outcomes: readonly PublishOutcome[]): number[] {
  const places: number[] = [];
  for (let i = 0; i < outcomes.length; i++) if (outcomes[i]?.status === "unknown") places.push(i);
  return places;
}

function asLovageError(error: unknown): LovageError {
  if (isLovageError(error)) return error;
  return new LovageError("BROKER_FAULT", "the broker failed in a way that its adapter does not know; see the cause", {
    cause: error,
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
