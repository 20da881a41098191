/** For adapters: the rules of publishing and redriving that are the same for every broker. */

import type { BrokerCapabilities } from "./capabilities.ts";
import { BodyTooLargeError, type LovageError, PublishRefusedError } from "./errors.ts";
import {
  DEFAULT_PRIORITY,
  type Headers,
  MAX_PRIORITY,
  MIN_PRIORITY,
  type OutgoingMessage,
  type Payload,
  payloadBytes,
} from "./message.ts";

/**
 * Why a broker of these capabilities must refuse the message, whatever its server says: a body above `maxMessageBytes`, a delay beyond
 * `maxDelayMs`. Undefined when it may be stored. `now` is the clock that `dueAt` is compared with, in ms since the epoch.
 */
export function refusal(
  message: OutgoingMessage,
  limits: Pick<BrokerCapabilities, "maxMessageBytes" | "maxDelayMs">,
  now: number = Date.now(),
): LovageError | undefined {
  const { body, dueAt, queue } = message;
  const { maxMessageBytes, maxDelayMs } = limits;
  if (exceeds(body, maxMessageBytes)) return new BodyTooLargeError(payloadBytes(body), maxMessageBytes, { queue });
  if (dueAt === undefined || dueAt - now <= maxDelayMs) return undefined;
  return new PublishRefusedError(`a delay of more than ${maxDelayMs} ms cannot be kept; send it nearer to its time`, {
    subject: { queue },
  });
}

/** The nearest whole priority in range: priorities are never refused. */
export function priorityInRange(priority: number): number {
  if (Number.isNaN(priority)) return DEFAULT_PRIORITY;
  return Math.min(MAX_PRIORITY, Math.max(MIN_PRIORITY, Math.round(priority)));
}

/** Headers of a message that is redriven from the dead letters: `attempt` and `starts` begin anew, everything else stays. */
export function redrivenHeaders(headers: Headers): Headers {
  const { attempt: _attempt, starts: _starts, ...rest } = headers;
  return rest as Headers;
}

/** UTF-8 has at most 3 bytes per UTF-16 unit: most texts are settled without counting. */
function exceeds(body: Payload, limit: number): boolean {
  return body.length * (typeof body === "string" ? 3 : 1) > limit && payloadBytes(body) > limit;
}
