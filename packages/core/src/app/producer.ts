/** Publishing to a broker until each message's fate is known, or its time is up. */

import type { Broker, QueueDeclaration } from "../contracts/broker.ts";
import { BrokerUnavailableError, isLovageError, LovageError } from "../contracts/errors.ts";
import type { OutgoingMessage, PublishOutcome } from "../contracts/message.ts";
import type { AppDefinition, QueueOptions } from "../contracts/task.ts";
import { durationMs } from "./duration.ts";
import { refusalOf } from "./refusal.ts";

const FIRST_RETRY_MS = 25;
const MAX_RETRY_MS = 1_000;

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

/** Connects at the first use and declares each queue once. Closing the broker stays with its owner. */
export class Producer {
  readonly #broker: Broker;
  readonly #queues: AppDefinition["queues"];
  readonly #timeoutMs: number;
  readonly #declared = new Set<string>();
  readonly #declaring = new Map<string, Promise<void>>();
  #connected = false;
  #connecting: Promise<void> | undefined;

  constructor(broker: Broker, queues: AppDefinition["queues"], timeoutMs: number) {
    this.#broker = broker;
    this.#queues = queues;
    this.#timeoutMs = timeoutMs;
  }

  /** One outcome per message; never rejects. Unknown ones are published again, with the same ids, until the deadline. */
  async publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
    const until = performance.now() + this.#timeoutMs;
    try {
      if (!this.#connected) await this.before(until, this.connect());
      const declaring = this.#declare(messages);
      if (declaring !== undefined) await this.before(until, declaring);
    } catch (error) {
      const refusal = asLovageError(error);
      return messages.map(({ id }) => ({ id, status: "refused", error: refusal }));
    }
    const outcomes = [...(await this.#publishOnce(messages, until))];
    let open = unknownIn(outcomes);
    for (let waitMs = FIRST_RETRY_MS; open.length > 0; waitMs = Math.min(waitMs * 2, MAX_RETRY_MS)) {
      const leftMs = until - performance.now();
      if (leftMs <= 0) break;
      await sleep(Math.min(leftMs, waitMs * (0.5 + Math.random() / 2)));
      const answers = await this.#publishOnce(at(messages, open), until);
      open.forEach((place, i) => {
        outcomes[place] = answers[i] as PublishOutcome;
      });
      open = unknownIn(outcomes);
    }
    return outcomes;
  }

  connect(): Promise<void> {
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

  /** Waits for `work` until the deadline; the work itself goes on, for those who come later. */
  async before<T>(until: number, work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.#silent()), Math.max(0, until - performance.now()));
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** One try; what the broker must not be given is refused here. */
  async #publishOnce(messages: readonly OutgoingMessage[], until: number): Promise<readonly PublishOutcome[]> {
    const { capabilities } = this.#broker;
    const refused = new Map<number, LovageError>();
    for (let i = 0; i < messages.length; i++) {
      const refusal = refusalOf(messages[i] as OutgoingMessage, capabilities);
      if (refusal !== undefined) refused.set(i, refusal);
    }
    if (refused.size === 0) return this.#send(messages, until);
    const sent = messages.filter((_, i) => !refused.has(i));
    const outcomes = sent.length === 0 ? [] : await this.#send(sent, until);
    let next = 0;
    return messages.map(({ id }, i) => {
      const error = refused.get(i);
      return error === undefined ? (outcomes[next++] as PublishOutcome) : { id, status: "refused", error };
    });
  }

  /** A queue destroyed since it was declared is declared anew, once, and its messages sent again. */
  async #send(messages: readonly OutgoingMessage[], until: number): Promise<readonly PublishOutcome[]> {
    const outcomes = await this.#ask(messages, until);
    const gone = placesOf(outcomes, isGone);
    if (gone.length === 0) return outcomes;
    const again = at(messages, gone);
    for (const { queue } of again) this.#declared.delete(queue);
    try {
      await this.before(until, this.#declare(again) ?? Promise.resolve());
    } catch {
      return outcomes; // They say QUEUE_NOT_FOUND, which is what the caller needs to know.
    }
    const answers = await this.#ask(again, until);
    const merged = [...outcomes];
    gone.forEach((place, i) => {
      merged[place] = answers[i] as PublishOutcome;
    });
    return merged;
  }

  async #ask(messages: readonly OutgoingMessage[], until: number): Promise<readonly PublishOutcome[]> {
    try {
      return await this.before(until, this.#broker.publish(messages));
    } catch (thrown) {
      const error = asLovageError(thrown);
      const status = error.retryable ? "unknown" : "refused";
      return messages.map(({ id }) => ({ id, status, error }));
    }
  }

  /** Undefined when all queues are known: the usual case costs no promise. */
  #declare(messages: readonly OutgoingMessage[]): Promise<unknown> | undefined {
    const missing = new Set<string>();
    for (const { queue } of messages) if (!this.#declared.has(queue)) missing.add(queue);
    if (missing.size === 0) return undefined;
    return Promise.all([...missing].map((queue) => this.#declareOne(queue)));
  }

  #declareOne(queue: string): Promise<void> {
    const known = this.#declaring.get(queue);
    if (known !== undefined) return known;
    const declaring = this.#broker
      .ensureQueue(declarationOf(queue, this.#queues[queue]))
      .then(() => void this.#declared.add(queue))
      .finally(() => this.#declaring.delete(queue));
    this.#declaring.set(queue, declaring);
    return declaring;
  }

  #silent(): BrokerUnavailableError {
    return new BrokerUnavailableError(`broker ${this.#broker.name} did not answer within ${this.#timeoutMs} ms`);
  }
}

function isGone(outcome: PublishOutcome): boolean {
  return outcome.status === "refused" && isLovageError(outcome.error, "QUEUE_NOT_FOUND");
}

function unknownIn(outcomes: readonly PublishOutcome[]): readonly number[] {
  return placesOf(outcomes, ({ status }) => status === "unknown");
}

function placesOf(outcomes: readonly PublishOutcome[], test: (outcome: PublishOutcome) => boolean): readonly number[] {
  const places: number[] = [];
  for (let i = 0; i < outcomes.length; i++) if (test(outcomes[i] as PublishOutcome)) places.push(i);
  return places;
}

function at(messages: readonly OutgoingMessage[], places: readonly number[]): readonly OutgoingMessage[] {
  return places.map((place) => messages[place] as OutgoingMessage);
}

export function asLovageError(error: unknown): LovageError {
  if (isLovageError(error)) return error;
  return new LovageError("BROKER_FAULT", "the broker failed in a way that its adapter does not know; see the cause", {
    cause: error,
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
