/**
 * Suspects: messages whose runs ended with their executor or worker. From the second such start on they run alone among everything
 * that could be taken down with them, so that a further crash has one culprit and its neighbours stay innocent. A task with a process of its
 * own is alone by nature. One suspect at a time; while it waits for quiet, nothing else starts in the exposed lanes.
 */

import type { Held } from "./held.ts";
import type { PoolLane } from "./lanes.ts";
import { ALONE_FROM_STARTS } from "./verdict.ts";

export class Suspects {
  readonly #exposed: readonly PoolLane[];
  #current: Held | undefined;

  constructor(lanes: readonly PoolLane[]) {
    this.#exposed = lanes.filter((lane) => lane.pool.capabilities.isolation !== "process");
  }

  get current(): Held | undefined {
    return this.#current;
  }

  /** Whether `held`, first in its lane, may begin now. Asking makes a suspect the current one. */
  mayBegin(held: Held): boolean {
    if (!this.#exposed.includes(held.pool)) return true;
    if (this.#current === undefined) {
      if (held.starts < ALONE_FROM_STARTS) return true;
      this.#current = held;
    }
    if (this.#current !== held) return false;
    return this.#exposed.every((lane) => lane.running + lane.reserved === 0);
  }

  /** It has ended, or will not run here. Returns whether others may go on because of that. */
  clear(held: Held): boolean {
    if (this.#current !== held) return false;
    this.#current = undefined;
    return true;
  }
}
