/** What travels: messages, their headers, and what publishing them says. */

import type { LovageError } from "./errors.ts";

/** Text stands for its UTF-8 bytes. An adapter may store either form and return the other; the bytes are equal. */
export type Payload = string | Uint8Array;

export type HeaderValue = string | number | boolean;

/**
 * Metadata of a message: flat, scalar, lower-case dotted names. Everything that routing, expiry, retry and tracing need is here, so
 * that nobody must decode a body to decide. Names without a dot are Lovage's; a user's own have a prefix of their own. A name that
 * an adapter or engine does not know survives every hop: requeue, delay, dead letters, redrive.
 */
export interface Headers {
  /** Name of the task. */
  readonly task: string;
  /** Envelope version that the reader must understand; absent means 1. */
  readonly v?: number;
  /** Attempt that the next run will be, from 1; absent means 1. Counted by the engine, unlike deliveries. */
  readonly attempt?: number;
  /** Runs that were begun and ended their executor, carried by the engine between attempts; absent means 0. */
  readonly starts?: number;
  /** Id of the first message of the family; absent means the message's own id. */
  readonly root?: string;
  /** Id of the task that enqueued this one. */
  readonly parent?: string;
  /** Reserved for groups: the group's id and this member's place in it. */
  readonly group?: string;
  readonly groupIndex?: number;
  /** When the client first published it: ms since the epoch, client's clock. */
  readonly publishedAt?: number;
  /** The task is not started after this instant: ms since the epoch. */
  readonly expiresAt?: number;
  /** MIME type of the body; absent means `application/json`. */
  readonly contentType?: string;
  /** Character set of a text body; absent means `utf-8`. */
  readonly contentEncoding?: string;
  /** Compression of the body; absent means none. */
  readonly compression?: string;
  /** Lamport clock, for ordering events across workers. Reserved. */
  readonly clock?: number;
  /** `false`: no result is stored. A number: ms for which it is kept. Absent: the task's option decides. */
  readonly result?: number | false;
  /** Where the client that enqueued it waits for its result, in the words of its result store. Absent: results are found by id alone, or nobody waits. */
  readonly replyTo?: string;
  readonly [name: string]: HeaderValue | undefined;
}

/** One request to run a task, as it travels. */
export interface Message {
  /** UUID chosen by the client before publishing; also the key of the result. */
  readonly id: string;
  readonly headers: Headers;
  /** Opaque to brokers: `[args, kwargs?, embed?]` as encoded by the codec. */
  readonly body: Payload;
  /** 0 to 9, 9 first. A hint: how strictly it is kept is a capability. */
  readonly priority: number;
}

export interface OutgoingMessage extends Message {
  readonly queue: string;
  /** Not delivered before this instant: ms since the epoch. Absent or past: ready now. Kept by the broker, in no worker's memory. */
  readonly dueAt?: number;
}

/** What became of one message of a batch. */
export type PublishOutcome =
  /** Stored as durably as `capabilities.durable` says, before this was reported. */
  | { readonly id: string; readonly status: "accepted" }
  /** A message with this id is (or, within a window, was) there already; there is still one. */
  | { readonly id: string; readonly status: "duplicate" }
  /** Not stored, and will not be. */
  | { readonly id: string; readonly status: "refused"; readonly error: LovageError }
  /** May be stored. Publish again with the same id. */
  | { readonly id: string; readonly status: "unknown"; readonly error: LovageError };

/** The newest envelope version that this copy reads; it writes none, which means 1. */
export const ENVELOPE_VERSION = 1;

export const MIN_PRIORITY = 0;
export const MAX_PRIORITY = 9;
export const DEFAULT_PRIORITY = 5;

/** Bytes of a payload without making them. */
export function payloadBytes(payload: Payload): number {
  return typeof payload === "string" ? Buffer.byteLength(payload) : payload.byteLength;
}

export function payloadText(payload: Payload): string {
  return typeof payload === "string"
    ? payload
    : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString("utf8");
}
