/** Executors that have served long enough are replaced; those without work end, and come back when there is more. */

import type { Executor } from "./executor.ts";
import { isDue, type RecycleRule } from "./recycling.ts";
import type { Roster } from "./roster.ts";

const LOOK_EVERY_MS = 250;

export class Turnover {
  readonly #rule: RecycleRule;
  readonly #roster: Roster;
  /** Executors that the size of the pool asks for. */
  readonly #wanted: () => number;
  /** Executors kept while there is little to do. */
  #awake = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(rule: RecycleRule, roster: Roster, wanted: () => number) {
    this.#rule = rule;
    this.#roster = roster;
    this.#wanted = wanted;
  }

  get awake(): number {
    return this.#awake;
  }

  /** `resting`: no executor is ended for want of work while that is true. */
  start(serving: () => readonly Executor[], resting: () => boolean): void {
    const { ageMs, idleMs, memory } = this.#rule;
    if (Math.min(ageMs, idleMs, memory) === Number.POSITIVE_INFINITY) return;
    const look = (): void => {
      if (!resting()) this.#endIdle(serving());
      this.recycleDue();
    };
    this.#timer = setInterval(look, Math.max(1, Math.min(LOOK_EVERY_MS, idleMs))).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  wakeAll(): void {
    this.#awake = Number.POSITIVE_INFINITY;
  }

  /** No slot is left: as many again as serve now, within the size. */
  ranOut(serving: number): void {
    if (serving < this.#awake) return;
    this.#awake = Math.max(1, serving) * 2;
    if (this.#awake >= this.#wanted()) this.#awake = Number.POSITIVE_INFINITY;
    this.#roster.reconcile();
  }

  finished(executor: Executor): void {
    if (executor.finished >= this.#rule.tasks) this.recycleDue();
  }

  /** At most a quarter of the executors is being replaced at one time. */
  recycleDue(): void {
    const members = this.#roster.members();
    const atOnce = Math.max(1, Math.floor(members.length / 4));
    for (const executor of members) {
      if (this.#roster.succeeding >= atOnce) return;
      if (executor.state !== "ready" || this.#roster.isSucceeded(executor)) continue;
      const ageMs = Date.now() - executor.startedAt;
      const { finished, memoryBytes, jitter } = executor;
      if (isDue(this.#rule, { finished, memoryBytes, ageMs, jitter })) this.#roster.succeed(executor);
    }
  }

  #endIdle(serving: readonly Executor[]): void {
    const now = performance.now();
    const { idleMs } = this.#rule;
    const idle = serving.filter(({ running, idleSince }) => running.size === 0 && now - idleSince >= idleMs);
    if (idle.length === 0 || serving.length <= 1) return;
    this.#awake = Math.max(1, serving.length - idle.length);
    this.#roster.reconcile("recycled");
  }
}
