import type { Streams } from "../queues/nats-streams.ts";
import { ackFacts, nanosecond } from "./nats-acks.ts";
import type { NatsClaim } from "./nats-settlements.ts";

/**
 * An ack that has no answer. From 2.10 on a server says nothing to one for a message that its consumer has not given out, as far as it knows:
 * the consumer was deleted and made again, or the server was killed before it had written down what it gave out. The work is done all the
 * same, so the message itself is removed; but only the very one that was delivered, for in a stream made anew another has its number.
 */
export async function removeAcked(
  streams: Streams,
  stream: string,
  { reply, seq }: NatsClaim,
  timeoutMs: number,
): Promise<"done" | "lost"> {
  const stored = await streams.message(stream, { seq }, timeoutMs);
  // Removed, by an ack whose answer was lost, by a purge, or by whom it was given to meanwhile.
  if (stored === undefined) return "done";
  if (nanosecond(stored.time) !== ackFacts(reply).storedAt) return "lost";
  await streams.deleteMessage(stream, seq, timeoutMs);
  return "done";
}
