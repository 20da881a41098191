/**
 * Messages between processes as JSON, which is the faster serialization for text (and bodies are text nearly always). Bytes travel
 * as base64: where a payload is expected by position as `{ base64 }`, elsewhere wherever they occur.
 */

import {
  DONE_STRIDE,
  type DoneField,
  type Down,
  type DownMessage,
  RUN_STRIDE,
  type RunField,
  type Up,
  type UpMessage,
} from "../protocol.ts";

const BODY = 5;
const VALUE = 3;

interface Base64 {
  readonly base64: string;
}

export function packDown(message: DownMessage): object {
  if (Array.isArray(message)) return packAt(message, BODY, RUN_STRIDE);
  const { runs, replies } = message;
  if (runs === undefined && replies === undefined) return message;
  if (runs !== undefined) packAt(runs, BODY, RUN_STRIDE);
  return replies === undefined ? message : { ...message, replies: pack(replies) };
}

export function unpackDown(message: DownMessage): DownMessage {
  if (Array.isArray(message)) return unpackAt(message, BODY, RUN_STRIDE);
  const { runs, replies } = message;
  if (runs !== undefined) unpackAt(runs, BODY, RUN_STRIDE);
  return replies === undefined ? message : { ...message, replies: unpack(replies) as NonNullable<Down["replies"]> };
}

export function packUp(message: UpMessage): object {
  if (Array.isArray(message)) return packAt(message, VALUE, DONE_STRIDE);
  const { done, progress, requests } = message;
  if (done !== undefined) packAt(done, VALUE, DONE_STRIDE);
  if (progress === undefined && requests === undefined) return message;
  return {
    ...message,
    ...(progress === undefined ? {} : { progress: pack(progress) }),
    ...(requests === undefined ? {} : { requests: pack(requests) }),
  };
}

export function unpackUp(message: UpMessage): UpMessage {
  if (Array.isArray(message)) return unpackAt(message, VALUE, DONE_STRIDE);
  const { done, progress, requests } = message;
  if (done !== undefined) unpackAt(done, VALUE, DONE_STRIDE);
  if (progress === undefined && requests === undefined) return message;
  return {
    ...message,
    ...(progress === undefined ? {} : { progress: unpack(progress) as NonNullable<Up["progress"]> }),
    ...(requests === undefined ? {} : { requests: unpack(requests) as NonNullable<Up["requests"]> }),
  };
}

/** In place, both ways: the message is nobody else's. */
function packAt<Field extends RunField | DoneField>(fields: Field[], offset: number, stride: number): Field[] {
  for (let at = offset; at < fields.length; at += stride) {
    const field = fields[at];
    if (field instanceof Uint8Array) fields[at] = encode(field) as unknown as Field;
  }
  return fields;
}

function unpackAt<Field extends RunField | DoneField>(fields: Field[], offset: number, stride: number): Field[] {
  for (let at = offset; at < fields.length; at += stride) {
    const field = fields[at];
    if (typeof field === "object" && field !== null) fields[at] = decode(field as unknown as Base64) as Field;
  }
  return fields;
}

/** A user's own `{ base64: … }` never occurs here: what these messages hold of users' values is encoded by the codec. */
function pack(value: unknown): unknown {
  if (value instanceof Uint8Array) return encode(value);
  return mapped(value, pack);
}

function unpack(value: unknown): unknown {
  if (typeof value === "object" && value !== null && "base64" in value) return decode(value as Base64);
  return mapped(value, unpack);
}

function mapped(value: unknown, map: (value: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(map);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, map(entry)]));
}

function encode(bytes: Uint8Array): Base64 {
  return { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64") };
}

function decode({ base64 }: Base64): Uint8Array {
  return Buffer.from(base64, "base64");
}
