/** The subjects under which messages are acknowledged, which say what was given out. */

export interface AckFacts {
  readonly stream: string;
  readonly consumer: string;
  readonly deliveryCount: number;
  /** Of the message in its stream. */
  readonly seq: number;
  /** Of the hand-over: one more than that of the one before, to whomever. */
  readonly consumerSeq: number;
  /** By the server's clock, in ms. */
  readonly storedAt: number;
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
    storedAt: Number(tokens[at + 5]) / 1e6,
  };
}

/** Where an ack goes for a message whose own delivery nobody has. Only its place in the stream counts. */
export function ackSubject(stream: string, consumer: string, seq: number): string {
  return `$JS.ACK.${stream}.${consumer}.1.${seq}.0.0.0`;
}
