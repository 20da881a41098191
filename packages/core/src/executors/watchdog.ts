/** Notices executors whose loop does not turn while runs are aboard, from the engine's side. */

import type { PoolEvent } from "../contracts/pool.ts";
import type { Executor } from "./executor.ts";

export class StallWatchdog {
  readonly #stallMs: number;
  readonly #everyMs: number;
  readonly #executors: () => Iterable<Executor>;
  readonly #emit: (event: PoolEvent) => void;
  #timer: NodeJS.Timeout | undefined;
  #lookedAt = 0;

  constructor(stallMs: number, executors: () => Iterable<Executor>, emit: (event: PoolEvent) => void) {
    this.#stallMs = stallMs;
    this.#everyMs = stallMs / 4;
    this.#executors = executors;
    this.#emit = emit;
  }

  /** To be called when something runs; it rests by itself when nothing does. */
  wake(): void {
    if (this.#timer !== undefined) return;
    this.#lookedAt = performance.now();
    this.#timer = setInterval(() => this.#look(), this.#everyMs).unref();
  }

  rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const now = performance.now();
    const late = now - this.#lookedAt > 2 * this.#everyMs;
    this.#lookedAt = now;
    let busy = false;
    for (const executor of this.#executors()) {
      if (executor.running.size === 0) continue;
      busy = true;
      // When this loop itself was held, the pulses sent meanwhile are still unread: judge at the next look.
      if (late) executor.seenAt = Math.max(executor.seenAt, now - this.#everyMs);
      const silentMs = now - executor.seenAt;
      if (silentMs >= Math.max(this.#stallMs, 2 * executor.reportedMs)) void this.#report(executor, silentMs);
    }
    if (!busy) this.rest();
  }

  async #report(executor: Executor, silentMs: number): Promise<void> {
    const stalledMs = Math.round(silentMs);
    executor.reportedMs = stalledMs;
    executor.setStalled(true);
    const stack = await executor.unit.stack?.().catch(() => undefined);
    // It may have recovered, or ended, while its stack was asked for.
    if (executor.running.size === 0 || executor.reportedMs !== stalledMs) return;
    this.#emit({
      type: "stalled",
      executor: executor.id,
      running: [...executor.running.values()].map(({ request: { id, task } }) => ({ id, task })),
      stalledMs,
      ...(stack === undefined ? {} : { stack }),
    });
  }
}
