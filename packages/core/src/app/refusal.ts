/** What a broker would not take, found before it is sent. */

import type { BrokerCapabilities } from "../contracts/capabilities.ts";
import { BodyTooLargeError, CapabilityMissingError, type LovageError } from "../contracts/errors.ts";
import { type OutgoingMessage, payloadBytes } from "../contracts/message.ts";

/** The error of a message that is too large, or due later than the broker can promise; undefined when it may be sent. */
export function refusalOf(
  message: OutgoingMessage,
  capabilities: Pick<BrokerCapabilities, "maxMessageBytes" | "maxDelayMs">,
): LovageError | undefined {
  const { body } = message;
  const { maxMessageBytes, maxDelayMs } = capabilities;
  // A UTF-16 unit is at most three bytes of UTF-8, so short texts need no counting.
  if (typeof body !== "string" || body.length * 3 > maxMessageBytes) {
    const bytes = payloadBytes(body);
    if (bytes > maxMessageBytes) {
      return new BodyTooLargeError(bytes, maxMessageBytes, { task: message.headers.task, queue: message.queue });
    }
  }
  if (message.dueAt !== undefined && message.dueAt - Date.now() > maxDelayMs) {
    return new CapabilityMissingError(
      `the broker keeps messages at most ${maxDelayMs} ms before they are due; enqueue "${message.headers.task}" later`,
      { subject: { capability: "maxDelayMs", queue: message.queue } },
    );
  }
  return undefined;
}
