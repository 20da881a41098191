/** Between core and broker: how arguments and values become a body. */

import type { Headers, Payload } from "./message.ts";

/** The decoded body. `kwargs` and `embed` are carried for other languages and later features; unknown members of `embed` survive. */
export interface Call {
  readonly args: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
  readonly embed?: Readonly<Record<string, unknown>>;
}

/**
 * A codec is pure and synchronous, and runs in clients and executors, never in the engine. What it cannot carry it refuses when
 * encoding, with `NotSerializableError` and the path of the value; what it cannot read it refuses with `DecodeError`.
 */
export interface Codec {
  /** Written to the header `contentType`. A worker dead-letters content types for which it has no codec. */
  readonly contentType: string;
  encodeCall(call: Call): { readonly body: Payload; readonly headers?: Partial<Headers> };
  decodeCall(body: Payload, headers: Headers): Call;
  encodeValue(value: unknown): Payload;
  decodeValue(payload: Payload): unknown;
}
