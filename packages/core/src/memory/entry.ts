import type { HeldDelivery } from "../brokers/index.ts";
import type { DeadLetterReason, Message } from "../contracts/index.ts";
import type { Heaped } from "./heap.ts";
import type { Standing } from "./line.ts";

/**
 * A message in a queue, from publish until it is gone.
 *
 *     ready ──take──▶ owned ──ack──▶ gone        delayed ──due──▶ ready
 *       ▲               ├──release, lapse──▶ ready, in its old place
 *       │               ├──requeue──▶ ready at the end, or delayed
 *       └──redrive── dead ◀──dead-letter──┘
 */
export type EntryState = "ready" | "delayed" | "owned" | "dead" | "gone";

export class Entry implements Heaped, Standing<Entry> {
  message: Message;
  state: EntryState = "gone";
  /** The instant its state turns on: ready since, delayed until, leased until, dead since. */
  at = 0;
  /** Its place among its band; kept while it is owned, so that a release puts it back where it was. */
  position = 0;
  deliveryCount = 0;
  /** Runs begun since the last requeue. */
  starts = 0;
  /**
   * The one delivery that owns it: the fencing token. A delivery that is not (or no longer) the holder changes nothing.
   */
  holder: HeldDelivery<Entry> | undefined;
  reason: DeadLetterReason | undefined;

  heapIndex = -1;
  ahead: Entry | undefined;
  behind: Entry | undefined;

  constructor(message: Message) {
    this.message = message;
  }
}
