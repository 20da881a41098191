/**
 * The default codec: JSON that refuses what would not arrive as it was sent. The body of a call is `[args]`, `[args, kwargs]` or
 * `[args, kwargs, embed]`.
 *
 * Refused, with the path of the value: functions, symbols, bigints, NaN and infinities, undefined in arrays and before the last
 * argument given, Dates, Maps, Sets, binary data and other class instances without `toJSON`, cycles, and nesting beyond 500 levels.
 * Left out, as JSON does: properties that are undefined, properties named by symbols, and trailing arguments that are undefined.
 * Class instances with `toJSON` are replaced by what it gives. `-0` arrives as `0`.
 */

import { isUtf8 } from "node:buffer";
import type { Call, Codec } from "../contracts/codec.ts";
import { DecodeError } from "../contracts/errors.ts";
import { type Headers, type Payload, payloadText } from "../contracts/message.ts";
import { isPlainJson, plainCopy } from "./plain-json.ts";

export const jsonCodec: Codec = {
  contentType: "application/json",

  encodeCall({ args, kwargs, embed }: Call): { readonly body: Payload } {
    let body = `[${encode(trimmed(args), "args")}`;
    if (kwargs !== undefined || embed !== undefined) body += `,${encode(kwargs ?? {}, "kwargs")}`;
    if (embed !== undefined) body += `,${encode(embed, "embed")}`;
    return { body: `${body}]` };
  },

  decodeCall(body: Payload, _headers: Headers): Call {
    const value = parse(body, "body");
    if (!Array.isArray(value) || value.length < 1 || value.length > 3 || !Array.isArray(value[0])) {
      throw new DecodeError("the body is not [args, kwargs?, embed?] with a list of arguments");
    }
    const [args, kwargs, embed] = value as readonly unknown[];
    if (value.length === 1) return { args: args as readonly unknown[] };
    return {
      args: args as readonly unknown[],
      ...map(kwargs, "second"),
      ...(embed === undefined || embed === null ? {} : { embed: record(embed, "third") }),
    };
  },

  encodeValue(value: unknown): Payload {
    return encode(value, "value");
  },

  decodeValue(payload: Payload): unknown {
    return parse(payload, "value");
  },
};

function encode(value: unknown, root: string): string {
  return JSON.stringify(isPlainJson(value) ? value : plainCopy(value, root));
}

/** Optional arguments that were not given do not travel. */
function trimmed(args: readonly unknown[]): readonly unknown[] {
  let { length } = args;
  while (length > 0 && args[length - 1] === undefined) length--;
  return length === args.length ? args : args.slice(0, length);
}

/** The parser's own message quotes what it read, so it is not passed on. */
function parse(payload: Payload, what: string): unknown {
  if (typeof payload !== "string" && !isUtf8(payload)) throw new DecodeError(`the ${what} is not UTF-8 text`);
  try {
    return JSON.parse(payloadText(payload));
  } catch {
    throw new DecodeError(`the ${what} is not JSON`);
  }
}

function map(kwargs: unknown, place: string): Pick<Call, "kwargs"> {
  return kwargs === undefined || kwargs === null ? {} : { kwargs: record(kwargs, place) };
}

function record(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new DecodeError(`the ${place} part of the body is not a map`);
  }
  return value as Readonly<Record<string, unknown>>;
}
