/**
 * Acks of short tasks leave together. While a lane has most of its buffer left to hand out, nobody waits for the credit that an ack
 * frees, so successes wait for one another; once it has less they leave, and what they make room for is fetched with the same command. A lane
 * without a buffer (its tasks are long, or nothing waits) acks at once.
 */

import type { Held } from "./held.ts";
import type { PoolLane } from "./lanes.ts";

/** Share of the buffer that is work enough for as long as a settlement takes: the broker then works while the executors do. */
const PLENTY = 3 / 4;
/** The longest that an ack waits. A worker that dies meanwhile lets as much be run again. */
const LINGER_MS = 5;

interface Line {
  held: Held[];
  timer: NodeJS.Timeout | undefined;
}

export class AckLine {
  readonly #lines = new Map<PoolLane, Line>();
  readonly #send: (held: Held) => void;

  constructor(send: (held: Held) => void) {
    this.#send = send;
  }

  /** Sends it at once, with those that waited, or soon. */
  add(held: Held): void {
    const lane = held.pool;
    let line = this.#lines.get(lane);
    if (lane.buffer > 0 && lane.waiting.size > lane.buffer * PLENTY) {
      if (line === undefined) {
        line = { held: [], timer: undefined };
        this.#lines.set(lane, line);
      }
      const waiting = line;
      waiting.held.push(held);
      // Not cleared when they leave sooner: at most one timer every 5 ms, where there may be a hundred acks in each.
      waiting.timer ??= setTimeout(() => {
        waiting.timer = undefined;
        this.#flush(waiting);
      }, LINGER_MS);
      return;
    }
    if (line !== undefined) this.#flush(line);
    this.#send(held);
  }

  #flush(line: Line): void {
    const waited = line.held;
    line.held = [];
    for (const held of waited) this.#send(held);
  }
}
