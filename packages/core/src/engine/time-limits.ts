/**
 * Soft and hard limits. A worker has few distinct limits and many tasks, so tasks with one limit stand in the order in which they
 * began, which is the order in which they are due: one timer per limit, nothing per task but a place in a set.
 */

import { RenewedSet } from "../collections/renewed-map.ts";
import type { Held } from "./held.ts";

interface Line {
  readonly members: RenewedSet<Held>;
  timer: NodeJS.Timeout | undefined;
}

/** Timers of Node fire at once beyond this. */
const MAX_TIMER_MS = 2_147_483_647;

class Deadlines {
  readonly #lines = new Map<number, Line>();
  readonly #expired: (held: Held) => void;

  constructor(expired: (held: Held) => void) {
    this.#expired = expired;
  }

  add(held: Held, limitMs: number): void {
    let line = this.#lines.get(limitMs);
    if (line === undefined) {
      line = { members: new RenewedSet(), timer: undefined };
      this.#lines.set(limitMs, line);
    }
    line.members.add(held);
    if (line.timer === undefined) this.#arm(limitMs, line);
  }

  remove(held: Held, limitMs: number): void {
    this.#lines.get(limitMs)?.members.delete(held);
  }

  clear(): void {
    for (const line of this.#lines.values()) clearTimeout(line.timer);
    this.#lines.clear();
  }

  #arm(limitMs: number, line: Line): void {
    const [first] = line.members;
    if (first === undefined) {
      this.#lines.delete(limitMs);
      return;
    }
    const wait = Math.min(MAX_TIMER_MS, Math.max(1, first.startedAt + limitMs - performance.now()));
    line.timer = setTimeout(() => {
      line.timer = undefined;
      const now = performance.now();
      for (const held of line.members) {
        if (held.startedAt + limitMs > now) break;
        line.members.delete(held);
        this.#expired(held);
      }
      this.#arm(limitMs, line);
    }, wait);
    line.timer.unref();
  }
}

export class TimeLimits {
  readonly #soft = new Deadlines((held) => {
    if (held.state === "running" && held.aborted === undefined) {
      held.aborted = "soft-limit";
      held.execution?.abort("soft-limit");
    }
  });
  readonly #hard = new Deadlines((held) => {
    if (held.state === "running" && held.killed === undefined) {
      held.killed = "hard-limit";
      void held.execution?.kill("hard-limit");
    }
  });

  /** Counts from `held.startedAt`. Pools that cannot kill get no hard limit: asking for one was refused at start. */
  watch(held: Held): void {
    if (held.policy.softMs !== undefined) this.#soft.add(held, held.policy.softMs);
    if (held.pool.pool.capabilities.kill !== "never") this.#hard.add(held, held.policy.hardMs);
  }

  forget(held: Held): void {
    if (held.policy.softMs !== undefined) this.#soft.remove(held, held.policy.softMs);
    if (held.pool.pool.capabilities.kill !== "never") this.#hard.remove(held, held.policy.hardMs);
  }

  close(): void {
    this.#soft.clear();
    this.#hard.clear();
  }
}
