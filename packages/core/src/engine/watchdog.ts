/**
 * Names the task that holds an executor's loop, and keeps an eye on the engine's own. Pools ask their executors for a pulse; here a
 * silence becomes an event, a counter and a mark that `inspect` shows.
 */

import { monitorEventLoopDelay } from "node:perf_hooks";
import type { PoolEvent } from "../contracts/index.ts";
import type { Kernel } from "./kernel.ts";
import type { PoolLane } from "./lanes.ts";

const LAG_WINDOW_MS = 60_000;

export class Watchdog {
  readonly #kernel: Kernel;
  readonly #lag = monitorEventLoopDelay({ resolution: 50 });
  #window: NodeJS.Timeout | undefined;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  start(): void {
    this.#lag.enable();
    this.#window = setInterval(() => this.#lag.reset(), LAG_WINDOW_MS);
    this.#window.unref();
  }

  stop(): void {
    this.#lag.disable();
    clearInterval(this.#window);
  }

  /** The longest the engine's own loop was held in the last minute, in ms. */
  get engineLagMs(): number {
    const max = this.#lag.max / 1e6 - 50;
    return Number.isFinite(max) && max > 0 ? Math.round(max * 10) / 10 : 0;
  }

  /** Takes note of what a pool reports about its executors. */
  observe(lane: PoolLane, event: PoolEvent): void {
    if (event.type === "stalled") this.#stalled(lane, event);
    if (event.type === "recovered")
      for (const held of this.#kernel.held.values()) if (held.pool === lane) held.stalled = false;
  }

  #stalled(lane: PoolLane, event: Extract<PoolEvent, { type: "stalled" }>): void {
    for (const { id } of event.running) {
      const held = this.#kernel.held.get(id);
      if (held === undefined || held.state !== "running") continue;
      if (!held.stalled) held.counters.stalled++;
      held.stalled = true;
      const { stalledMs, stack } = event;
      this.#kernel.events.task({
        ...this.#kernel.subject(held),
        type: "task-stalled",
        pool: lane.name,
        stalledMs,
        ...(stack === undefined ? {} : { stack }),
      });
    }
  }
}
