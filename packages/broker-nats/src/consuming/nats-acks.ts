/** The subjects under which messages are acknowledged, which say what was given out. */

export interface AckFacts {
  readonly stream: string;
  readonly consumer: string;
  readonly deliveryCount: number;
  /** Of the message in its stream. */
  readonly seq: number;
  /** Of the hand-over: one more than that of the one before, to whomever. */
  readonly consumerSeq: number;
  /** In nanoseconds by the server's clock; more than a number can tell apart. */
  readonly storedAt: string;
}

/**
 * `$JS.ACK.<stream>.<consumer>.<hand-overs>.<seq>.<consumer seq>.<time>.<pending>`, with domain and account hash before the stream since 2.10 in
 * some set-ups.
 */
export function ackFacts(reply: string): AckFacts {
  const tokens = reply.split(".");
  // Old: 9 tokens. New: 11 and more, `$JS.ACK.<domain>.<account>.<stream>.<consumer>.<hand-overs>.…`.
  const at = tokens.length >= 11 ? 4 : 2;
  return {
    stream: tokens[at] ?? "",
    consumer: tokens[at + 1] ?? "",
    deliveryCount: Number(tokens[at + 2]),
    seq: Number(tokens[at + 3]),
    consumerSeq: Number(tokens[at + 4]),
    storedAt: tokens[at + 5] ?? "",
  };
}

/** Where an ack goes for a message whose own delivery nobody has. Only its place in the stream counts. */
export function ackSubject(stream: string, consumer: string, seq: number): string {
  return `$JS.ACK.${stream}.${consumer}.1.${seq}.0.0.0`;
}

/** Of a time as JSON has it, `2026-11-28T04:07:21.11426Z`: nanoseconds, as an ack's subject has them. */
export function nanosecond(time: string): string {
  const [, seconds = "", fraction = ""] = /^([^.Z]*)(?:\.(\d+))?Z$/.exec(time) ?? [];
  return `${Date.parse(`${seconds}Z`) / 1_000}${fraction.padEnd(9, "0")}`;
}
