/** What publishing said, as promises: an enqueue that was not stored rejects. */

import type { ClientPort } from "../contracts/client.ts";
import { LovageError, PublishOutcomeUnknownError } from "../contracts/errors.ts";
import type { OutgoingMessage, PublishOutcome } from "../contracts/message.ts";

/** Some messages of an `enqueueMany` were not stored, or may not be. The others are. */
export class BulkEnqueueError extends LovageError {
  /** One per call, in order. */
  readonly outcomes: readonly PublishOutcome[];

  constructor(outcomes: readonly PublishOutcome[], errors: readonly LovageError[]) {
    const first = errors[0] as LovageError;
    super(
      "BULK_ENQUEUE",
      `${errors.length} of ${outcomes.length} messages were not stored for certain (see outcomes); the first: ${first.message}`,
      { cause: first, retryable: errors.every((error) => error.retryable), subject: { failed: errors.length } },
    );
    this.outcomes = outcomes;
  }
}

/** Rejects with the broker's error, or `PublishOutcomeUnknownError`. A duplicate is stored, so it is no error. */
export async function sendOne(port: ClientPort, message: OutgoingMessage): Promise<void> {
  const outcomes = await port.publish([message]);
  const error = errorOf(outcomes[0], message);
  if (error !== undefined) throw error;
}

/** Rejects with `BulkEnqueueError` unless every message is stored. */
export async function sendAll(port: ClientPort, messages: readonly OutgoingMessage[]): Promise<void> {
  if (messages.length === 0) return;
  const outcomes = await port.publish(messages);
  const errors: LovageError[] = [];
  for (let i = 0; i < messages.length; i++) {
    const error = errorOf(outcomes[i], messages[i] as OutgoingMessage);
    if (error !== undefined) errors.push(error);
  }
  if (errors.length > 0) throw new BulkEnqueueError(outcomes, errors);
}

function errorOf(outcome: PublishOutcome | undefined, message: OutgoingMessage): LovageError | undefined {
  switch (outcome?.status) {
    case "accepted":
    case "duplicate":
      return undefined;
    case "refused":
      return outcome.error;
    default:
      return new PublishOutcomeUnknownError(message.id, outcome === undefined ? {} : { cause: outcome.error });
  }
}
