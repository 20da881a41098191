import {
  type BrokerCapabilities,
  isLovageError,
  type LovageError,
  type OutgoingMessage,
  type PublishOutcome,
  PublishOutcomeUnknownError,
  PublishRefusedError,
  QueueNotFoundError,
  refusal,
} from "@lovage/core/contracts";
import { rabbitMqError } from "../rabbitmq-errors.ts";
import { envelope, MAX_HEADERS_BYTES, oversize } from "./rabbitmq-envelope.ts";
import type { Fate } from "./rabbitmq-publisher.ts";
import type { Store } from "./rabbitmq-store.ts";

/** What publishing means: which messages are refused, where they go, and what their fate is called. */
export class Publishing {
  readonly #store: Store;
  readonly #limits: Pick<BrokerCapabilities, "maxMessageBytes" | "maxDelayMs">;
  readonly #timeoutMs: number;

  constructor(store: Store, limits: Pick<BrokerCapabilities, "maxMessageBytes" | "maxDelayMs">, timeoutMs: number) {
    this.#store = store;
    this.#limits = limits;
    this.#timeoutMs = timeoutMs;
  }

  publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
    if (messages.length === 0) return Promise.resolve([]);
    const { promise, resolve } = Promise.withResolvers<readonly PublishOutcome[]>();
    const outcomes = new Array<PublishOutcome>(messages.length);
    const now = Date.now();
    const deadline = performance.now() + this.#timeoutMs;
    let left = messages.length;
    const settle = (index: number, outcome: PublishOutcome): void => {
      outcomes[index] = outcome;
      left -= 1;
      if (left === 0) resolve(outcomes);
    };
    for (let index = 0; index < messages.length; index += 1) {
      const message = messages[index] as OutgoingMessage;
      const { id, queue, dueAt } = message;
      const refused = this.#refusal(message, now);
      if (refused !== undefined) {
        settle(index, { id, status: "refused", error: refused });
        continue;
      }
      const done = (fate: Fate, error?: LovageError): void => settle(index, outcome(message, fate, error));
      if (dueAt !== undefined && dueAt > now) {
        this.#store.delay(message, queue, dueAt, { deadline, done }).catch((error: unknown) => {
          settle(index, { id, status: "refused", error: rabbitMqError(error, queue) });
        });
      } else this.#store.put(queue, envelope(message), { deadline, done });
    }
    return promise;
  }

  #refusal(message: OutgoingMessage, now: number): LovageError | undefined {
    const bytes = oversize(message.headers);
    if (bytes === undefined) return refusal(message, this.#limits, now);
    return new PublishRefusedError(
      `the message's headers are ${bytes} bytes, the limit is ${MAX_HEADERS_BYTES}; put data into the body`,
      {
        subject: { queue: message.queue },
      },
    );
  }
}

const ACCEPTED = "accepted";

function outcome({ id, queue }: OutgoingMessage, fate: Fate, error: LovageError | undefined): PublishOutcome {
  if (fate === "stored") return { id, status: ACCEPTED };
  if (fate === "returned") return { id, status: "refused", error: new QueueNotFoundError(queue) };
  if (fate === "refused") {
    return { id, status: "refused", error: error ?? new PublishRefusedError("RabbitMQ refused the message") };
  }
  const cause = isLovageError(error) ? error : undefined;
  return { id, status: "unknown", error: new PublishOutcomeUnknownError(id, { cause }) };
}
