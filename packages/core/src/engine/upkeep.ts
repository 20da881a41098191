/**
 * The engine's slow beat, every 50 ms while something is held: shares out credit, gives back what waited too long for a slot, stops
 * runs whose ownership went elsewhere for good, and tells the result store what has been running for a second.
 */

import { applyCredit, totalCredit } from "./credit.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Held } from "./held.ts";
import type { Kernel } from "./kernel.ts";
import type { PoolLane } from "./lanes.ts";
import { MAX_HELD_RESULTS } from "./result-writer.ts";

const BEAT_MS = 50;
/** What has not begun after this long goes back, so that it may begin elsewhere. */
const MAX_WAIT_MS = 50;
const ANNOUNCE_AFTER_MS = 1_000;

export class Upkeep {
  readonly #kernel: Kernel;
  readonly #dispatcher: Dispatcher;
  #timer: NodeJS.Timeout | undefined;
  #beats = 0;
  #quiet = false;

  constructor(kernel: Kernel, dispatcher: Dispatcher) {
    this.#kernel = kernel;
    this.#dispatcher = dispatcher;
  }

  start(): void {
    this.#timer = setInterval(() => this.#beat(), BEAT_MS);
    this.shareCredit();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** No credit for anyone until set back. */
  set quiet(quiet: boolean) {
    this.#quiet = quiet;
    this.shareCredit();
  }

  shareCredit(): void {
    for (const lane of this.#kernel.lanes) this.#share(lane, Date.now());
  }

  #share(lane: PoolLane, now: number): void {
    const { results } = this.#kernel;
    // Outcomes that wait for a failing result store hold no slot, so they must not hold credit either, up to a bound.
    const extra = results?.failing ? Math.min(results.held, MAX_HELD_RESULTS) : 0;
    applyCredit(lane, this.#quiet ? 0 : totalCredit(lane, now, extra), this.#beats);
  }

  #beat(): void {
    this.#beats++;
    const now = Date.now();
    for (const lane of this.#kernel.lanes) {
      lane.gauge.sample(now);
      this.#giveBackLate(lane, now);
      this.#share(lane, now);
    }
    for (const held of this.#kernel.held.values()) {
      if (held.state !== "running") continue;
      this.#stopLost(held, now);
      this.#announce(held);
    }
  }

  #giveBackLate(lane: PoolLane, now: number): void {
    const first = lane.waiting.peek();
    if (first === undefined || now - first.receivedAt < MAX_WAIT_MS) return;
    const late = lane.waiting.extract((held) => held.state !== "waiting" || now - held.receivedAt >= MAX_WAIT_MS);
    // Slots that are free but not yet filled (a suspect at work, a start being recorded) keep their candidates.
    const candidates = late.filter((held) => held.state === "waiting");
    const keep = Math.max(0, Math.min(lane.pool.free, candidates.length));
    const back = candidates.slice(keep);
    for (const held of candidates.slice(0, keep).reverse()) lane.waiting.unshift(held);
    if (back.length === 0) return;
    lane.gauge.waitedTooLong(lane.pool.capacity, now);
    this.#share(lane, now);
    for (const held of back) this.#dispatcher.release(held, "waited for a slot");
  }

  /** Nobody adopted it within a lease: another worker has it by now, and our run is only a duplicate. */
  #stopLost(held: Held, now: number): void {
    if (held.lostAt === 0 || held.aborted !== undefined) return;
    const patience = this.#kernel.broker.capabilities.ownership === "lease" ? held.queue.leaseMs : 60_000;
    if (now - held.lostAt < patience) return;
    held.aborted = "lost";
    held.execution?.abort("lost");
  }

  #announce(held: Held): void {
    const { results, identity } = this.#kernel;
    if (held.announced || results === undefined || performance.now() - held.startedAt < ANNOUNCE_AFTER_MS) return;
    const kept = results.kept(held);
    if (kept === undefined) return;
    held.announced = true;
    results.announce({
      id: held.id,
      task: held.policy.name,
      state: "running",
      final: false,
      attempt: held.attempt,
      worker: identity.id,
      startedAt: performance.timeOrigin + held.startedAt,
      ...kept,
    });
  }
}
