/**
 * A message as AMQP carries it. The body is the body; `messageId` and `priority` are AMQP's own; everything else is in these headers, as
 * text, because each field of an AMQP table costs more than all of them as one:
 *
 *     lovage   the message's headers, JSON
 *     copy     names this stored copy, where it is not the first: the same message requeued is another copy
 *     due      when it is due (ms since the epoch), if it was delayed
 *     seen     how much of the journal its publisher had read when it was delayed: older than a purge, it is void
 *     dead     reason, time, queue and delivery count of a dead letter, JSON
 *
 * A copy is always written anew from these, so what the server adds on the way (`x-death` …) never travels along: carried back into the
 * ladder it would be taken for a cycle, and the message dropped.
 */

import { randomUUID } from "node:crypto";
import {
  DEFAULT_PRIORITY,
  type DeadLetter,
  type Headers,
  type Message,
  type Payload,
  priorityInRange,
} from "@lovage/core/contracts";
import type { Message as AmqpMessage, Options } from "amqplib";

/** AMQP frames bound a message's headers. */
export const MAX_HEADERS_BYTES = 60_000;

export interface Marks {
  readonly copy?: string;
  readonly due?: number;
  readonly seen?: number;
  readonly dead?: string;
}

export interface Envelope {
  readonly content: Buffer;
  readonly properties: Options.Publish;
}

export function envelope({ id, headers, body, priority }: Message, marks: Marks = {}): Envelope {
  return {
    content: Buffer.from(body as string),
    properties: {
      messageId: id,
      persistent: true,
      mandatory: true,
      priority: priorityInRange(priority),
      headers: { ...marks, lovage: JSON.stringify(headers) },
    },
  };
}

/** Undefined where the headers fit. */
export function oversize(headers: Headers): number | undefined {
  const bytes = Buffer.byteLength(JSON.stringify(headers));
  return bytes > MAX_HEADERS_BYTES ? bytes : undefined;
}

export interface Arrived {
  readonly message: Message;
  readonly marks: Marks;
  /** Absent where the queue does not count. */
  readonly deliveriesBefore: number | undefined;
}

/** Whatever has been put into the queue: a message of somebody else's has its AMQP type for a task, and an id if it brought one. */
export function opened({ content, properties }: AmqpMessage): Arrived {
  const headers = (properties.headers ?? {}) as Record<string, unknown>;
  const id = typeof properties.messageId === "string" ? properties.messageId : randomUUID();
  return {
    message: {
      id,
      headers: headersOf(headers.lovage, properties.type),
      body: content as Payload,
      priority: properties.priority ?? DEFAULT_PRIORITY,
    },
    marks: headers as Marks,
    // From 4.3 on the second counts failures only, and what was given back is in the first.
    deliveriesBefore: numberOf(headers["x-acquired-count"]) ?? numberOf(headers["x-delivery-count"]),
  };
}

export function deadMark(letter: Pick<DeadLetter, "queue" | "reason" | "deadAt" | "deliveryCount">): string {
  return JSON.stringify(letter);
}

export function deadLetter({ message, marks }: Arrived, queue: string): DeadLetter {
  const dead = parsed(marks.dead) as Partial<DeadLetter>;
  const { reason = { code: "unknown" }, deadAt = 0, deliveryCount } = dead;
  return { ...message, queue, reason, deadAt, ...(deliveryCount === undefined ? {} : { deliveryCount }) };
}

function headersOf(text: unknown, type: unknown): Headers {
  const headers = parsed(text);
  return { ...headers, task: typeof headers.task === "string" ? headers.task : String(type ?? "") } as Headers;
}

/** Written by us or by a stranger: what is no object of JSON says nothing. */
function parsed(text: unknown): Record<string, unknown> {
  if (typeof text !== "string") return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
