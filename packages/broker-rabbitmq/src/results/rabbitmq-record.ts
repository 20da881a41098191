/**
 * A result as AMQP carries it to its caller: the body is the record without its value, as JSON in one line, and then the value's bytes. In
 * the JSON `v` says what the value is, text or bytes; progress that is bytes is base64.
 */

import type { ErrorData, Payload, ResultRecord } from "@lovage/core/contracts";
import type { Envelope } from "../publishing/rabbitmq-envelope.ts";

type Kind = "text" | "bytes";

const NEWLINE = 10;

/** A value that the server would not take is replaced by an error that says so. */
export function recordEnvelope(record: ResultRecord, maxBytes: number): Envelope {
  const { id, value, replyTo: _replyTo, ...rest } = record;
  const bytes = value === undefined ? 0 : Buffer.byteLength(value);
  if (bytes > maxBytes) {
    const { value: _value, ...without } = record;
    return recordEnvelope({ ...without, state: "failed", error: tooLarge(bytes, maxBytes) }, maxBytes);
  }
  const about = {
    ...rest,
    ...(value === undefined ? {} : { v: kindOf(value) }),
    ...(rest.progress === undefined ? {} : { p: kindOf(rest.progress), progress: textOf(rest.progress) }),
  };
  return {
    content: Buffer.concat([Buffer.from(`${JSON.stringify(about)}\n`), Buffer.from((value ?? "") as string)]),
    // What another record will follow need not survive a server.
    properties: { messageId: id, mandatory: true, persistent: record.final },
  };
}

/** Undefined for what is no record. */
export function recordOf(id: unknown, content: Buffer): ResultRecord | undefined {
  const end = content.indexOf(NEWLINE);
  if (typeof id !== "string" || end === -1) return undefined;
  let about: Omit<ResultRecord, "id" | "value"> & { readonly v?: Kind; readonly p?: Kind };
  try {
    about = JSON.parse(content.toString("utf8", 0, end));
  } catch {
    return undefined;
  }
  const { v, p, ...rest } = about;
  return {
    ...rest,
    id,
    ...(v === undefined ? {} : { value: v === "text" ? content.toString("utf8", end + 1) : content.subarray(end + 1) }),
    ...(p === "bytes" ? { progress: Buffer.from(String(rest.progress), "base64") } : {}),
  };
}

function tooLarge(bytes: number, maxBytes: number): ErrorData {
  const message = `the task succeeded, but its result is ${bytes} bytes and the limit is ${maxBytes}; store it elsewhere and return a reference to it`;
  return { name: "BodyTooLargeError", code: "BODY_TOO_LARGE", message };
}

function kindOf(payload: Payload): Kind {
  return typeof payload === "string" ? "text" : "bytes";
}

function textOf(payload: Payload): string {
  return typeof payload === "string" ? payload : Buffer.from(payload).toString("base64");
}
