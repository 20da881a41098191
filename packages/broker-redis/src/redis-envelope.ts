/**
 * How a message is stored: one text, `<priority><kind><headers as JSON>\n<body>`. Kind `t`: the body is that text. Kind `b`: it is base64 of bytes.
 * JSON has no raw line break, so the first one ends the headers. All of it is text, so that nothing on the way needs buffers: for the common
 * body, which is JSON, that is twice as fast, and bytes cost a third more room.
 */

import {
  type Headers,
  type Message,
  type OutgoingMessage,
  type Payload,
  priorityInRange,
} from "@lovage/core/contracts";
import { PLACE_DIGITS } from "./redis-layout.ts";

const TEXT = 0x74;
const BYTES = "b";

/** Throws what `JSON.stringify` throws for headers that are no scalars. */
export function envelopeOf({
  priority,
  headers,
  body,
}: Pick<OutgoingMessage, "priority" | "headers" | "body">): string {
  const band = priorityInRange(priority);
  const text = JSON.stringify(headers);
  if (typeof body === "string") return `${band}t${text}\n${body}`;
  return `${band}${BYTES}${text}\n${base64(body)}`;
}

export function messageOf(id: string, envelope: string): Message {
  const end = envelope.indexOf("\n");
  return {
    id,
    headers: headersOf(envelope.slice(2, end)),
    body: bodyOf(envelope.charCodeAt(1), envelope.slice(end + 1)),
    priority: envelope.charCodeAt(0) - 48,
  };
}

function bodyOf(kind: number, body: string): Payload {
  return kind === TEXT ? body : new Uint8Array(Buffer.from(body, "base64"));
}

/** Written by us as JSON; where somebody else wrote something else, the engine says `unknown-task` and nothing breaks. */
function headersOf(text: string): Headers {
  try {
    return JSON.parse(text) as Headers;
  } catch {
    return { task: "" };
  }
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/** What a claim says besides that it is ours. */
export interface ClaimParts {
  readonly id: string;
  readonly deliveryCount: number;
}

const COLON = 0x3a;

export function partsOf(claim: string): ClaimParts {
  if (claim.charCodeAt(PLACE_DIGITS + 1) === COLON) {
    return { id: claim.slice(PLACE_DIGITS + 2), deliveryCount: claim.charCodeAt(PLACE_DIGITS) - 48 };
  }
  const colon = claim.indexOf(":", PLACE_DIGITS);
  return { id: claim.slice(colon + 1), deliveryCount: Number(claim.slice(PLACE_DIGITS, colon)) };
}
