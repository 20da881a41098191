/**
 * A message as it travels: the body as it is, and beside the server's own headers one of ours with everything else, as JSON. So `nats
 * stream view` shows both.
 */

import {
  BodyTooLargeError,
  DEFAULT_PRIORITY,
  type Headers,
  type LovageError,
  type Message,
  type Payload,
  PublishRefusedError,
  payloadBytes,
} from "@lovage/core/contracts";
import { HeaderBlock, type HeaderLines, type NatsHeaders } from "../connection/nats-port.ts";

const OURS = "Lovage";

/** Room that is left for headers in what a server accepts as one message. */
export const HEADER_ROOM: number = 32 * 1_024;

interface Envelope {
  /** Id. */
  readonly i: string;
  /** Priority. */
  readonly p: number;
  readonly h: Headers;
  /** The body was text. */
  readonly t?: 1;
  /** Due, in ms since the epoch. */
  readonly d?: number;
  /** Hand-overs before this copy was made, by a release. */
  readonly n?: number;
  /** Of a dead letter: reason, details, since when. */
  readonly x?: readonly [code: string, details: string | null, at: number];
}

export interface Travelling {
  readonly message: Message;
  readonly dueAt?: number | undefined;
  readonly handedOver?: number | undefined;
  readonly dead?: Envelope["x"] | undefined;
}

export interface Encoded {
  readonly data: Uint8Array;
  readonly headers: HeaderBlock;
}

/** `lines`: the server's own headers. */
export function encode({ message, dueAt, handedOver, dead }: Travelling, lines: HeaderLines): Encoded {
  const { id, priority, headers, body } = message;
  const text = typeof body === "string";
  const envelope: Envelope = {
    i: id,
    p: priority,
    h: headers,
    ...(text && { t: 1 }),
    ...(dueAt !== undefined && { d: dueAt }),
    ...(handedOver && { n: handedOver }),
    ...(dead && { x: dead }),
  };
  const data = text ? Buffer.from(body) : body;
  return { data, headers: new HeaderBlock({ ...lines, [OURS]: JSON.stringify(envelope) }) };
}

/** What arrived. Something that nobody here wrote is a message all the same: its task is unknown, and the engine dead-letters it with its bytes. */
export function decode(
  data: Uint8Array,
  headers: Pick<NatsHeaders, "get"> | undefined,
  fallbackId: string,
): Travelling {
  const envelope = parse(headers?.get(OURS) ?? "");
  if (envelope === undefined) {
    return { message: { id: fallbackId, headers: { task: "" }, body: data, priority: DEFAULT_PRIORITY } };
  }
  const { i: id, p: priority, h, t, d: dueAt, n: handedOver, x: dead } = envelope;
  const body: Payload = t === 1 ? Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString() : data;
  return { message: { id, priority, headers: h, body }, dueAt, handedOver, dead };
}

/** A header block as the JetStream API gives it, read as {@link decode} wants it. */
export function parseBlock(block: Buffer): Pick<NatsHeaders, "get"> {
  const lines = block.toString().split("\r\n").slice(1);
  return {
    get(name) {
      const line = lines.find((each) => each.startsWith(`${name}:`));
      return line === undefined ? "" : line.slice(name.length + 1).trim();
    },
  };
}

/** Why what a server accepts as one message has no room for this; undefined when it has. */
export function tooLarge(
  { data, headers }: Encoded,
  maxPayload: number,
  message: Message,
  queue: string,
): LovageError | undefined {
  if (data.byteLength + headers.byteLength <= maxPayload) return undefined;
  if (headers.byteLength > HEADER_ROOM) {
    return new PublishRefusedError(
      `the headers are ${headers.byteLength} bytes and only ${HEADER_ROOM} are left for them; put data into the arguments`,
      { subject: { queue } },
    );
  }
  return new BodyTooLargeError(payloadBytes(message.body), maxPayload - headers.byteLength, { queue });
}

function parse(text: string): Envelope | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    const envelope = JSON.parse(text) as Envelope;
    return typeof envelope.i === "string" && typeof envelope.h === "object" ? envelope : undefined;
  } catch {
    return undefined;
  }
}
