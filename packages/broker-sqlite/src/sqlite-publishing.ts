/** From a message to the row that is stored, and from the storage's code to the outcome. */

import {
  BodyTooLargeError,
  BrokerFullError,
  DEFAULT_PRIORITY,
  type LovageError,
  MAX_PRIORITY,
  MIN_PRIORITY,
  type OutgoingMessage,
  type Payload,
  type PublishOutcome,
  PublishRefusedError,
  payloadBytes,
  QueueNotFoundError,
} from "@lovage/core/contracts";
import { DUPLICATE, FULL, NO_QUEUE, type PublishColumns } from "./sqlite-operations.ts";

export interface PublishLimits {
  readonly maxMessageBytes: number;
  readonly maxDelayMs: number;
}

/** Why it cannot be stored, whatever the file says; undefined when it can. */
export function refusal(message: OutgoingMessage, limits: PublishLimits): LovageError | undefined {
  const { id, body, dueAt, queue } = message;
  if (typeof id !== "string" || id === "")
    return new PublishRefusedError("a message needs an id", { subject: { queue } });
  if (typeof body !== "string" && !(body instanceof Uint8Array)) {
    return new PublishRefusedError("a body is text or bytes", { subject: { queue } });
  }
  if (exceeds(body, limits.maxMessageBytes)) {
    return new BodyTooLargeError(payloadBytes(body), limits.maxMessageBytes, { queue });
  }
  if (dueAt !== undefined && !(dueAt - Date.now() <= limits.maxDelayMs)) {
    return new PublishRefusedError(
      `a delay of more than ${limits.maxDelayMs} ms cannot be kept; send it nearer to its time`,
      { subject: { queue } },
    );
  }
  return undefined;
}

export function noColumns(): PublishColumns {
  return { queues: [], ids: [], bands: [], dueAts: [], headers: [], bodies: [] };
}

/**
 * What is stored is what was given at the call: bytes are copied, a priority out of range is the nearest in range. Throws for
 * headers that are not scalars.
 */
export function addMessage(columns: PublishColumns, message: OutgoingMessage): void {
  // Made before anything is added: what cannot be made leaves the columns as they were.
  const headers = JSON.stringify(message.headers);
  const body = stored(message.body);
  columns.queues.push(message.queue);
  columns.ids.push(message.id);
  columns.bands.push(MAX_PRIORITY - clamped(message.priority));
  columns.dueAts.push(message.dueAt ?? 0);
  columns.headers.push(headers);
  columns.bodies.push(body);
}

export function outcomeOf(message: OutgoingMessage, code: number | undefined, path: string): PublishOutcome {
  const { id, queue } = message;
  switch (code) {
    case DUPLICATE:
      return { id, status: "duplicate" };
    case NO_QUEUE:
      return { id, status: "refused", error: new QueueNotFoundError(queue) };
    case FULL:
      return {
        id,
        status: "refused",
        error: new BrokerFullError(`${path} has reached maxBytes; consume some messages or raise it`, {
          subject: { queue },
        }),
      };
    default:
      return { id, status: "accepted" };
  }
}

function clamped(priority: number): number {
  if (Number.isNaN(priority)) return DEFAULT_PRIORITY;
  return Math.min(MAX_PRIORITY, Math.max(MIN_PRIORITY, Math.round(priority)));
}

/** No bytes at all are stored as an empty text: node:sqlite binds an empty Uint8Array as NULL. */
function stored(body: Payload): Payload {
  if (typeof body === "string") return body;
  return body.byteLength === 0 ? "" : new Uint8Array(body);
}

/** UTF-8 has at most 3 bytes per UTF-16 unit: most texts are settled without counting. */
function exceeds(body: Payload, limit: number): boolean {
  return body.length * (typeof body === "string" ? 3 : 1) > limit && payloadBytes(body) > limit;
}
