/** Brings the executors of a pool to the number and sizes that are wanted: growth, shrink, and replacement of those that ended. */

import { availableParallelism } from "node:os";
import type { EndReason, Executor } from "./executor.ts";

/** Executors being started at one time: more only slows each of them down. */
const STARTING_AT_ONCE = Math.max(4, 2 * availableParallelism());

export interface RosterOptions {
  spawn(): Executor;
  /** Slots of each executor wanted. */
  layout(): readonly number[];
  /** Called after each step. */
  changed(): void;
}

export class Roster {
  /** Every unit that exists, lost ones included. */
  readonly all: Set<Executor> = new Set();
  /** A recycled executor's successor, while it starts. */
  readonly #successors = new Map<Executor, Executor>();
  readonly #options: RosterOptions;
  #pause: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: RosterOptions) {
    this.#options = options;
  }

  /** Executors that count towards the size wanted. */
  members(): Executor[] {
    return [...this.all].filter((executor) => isMember(executor) && !this.#successors.has(executor));
  }

  get succeeding(): number {
    return this.#successors.size;
  }

  isSucceeded(executor: Executor): boolean {
    for (const old of this.#successors.values()) if (old === executor) return true;
    return false;
  }

  reconcile(surplus: EndReason = "resized"): void {
    if (this.#closed) return;
    const wanted = this.#options.layout();
    let members = this.members();
    if (members.length > wanted.length) {
      const leaving = [...members].sort(leastMissed).slice(0, members.length - wanted.length);
      for (const executor of leaving) executor.retire(surplus);
      members = members.filter((executor) => !leaving.includes(executor));
    }
    while (members.length < wanted.length && this.#mayStart()) members.push(this.#spawn());
    members.forEach((executor, index) => {
      executor.slots = wanted[index] as number;
    });
    this.#options.changed();
  }

  /** Starts the executor that will take over from `old`; when it cannot start, `old` goes on. */
  succeed(old: Executor): void {
    if (this.#closed || this.#pause !== undefined) return;
    this.#successors.set(this.#spawn(), old);
  }

  ready(executor: Executor): void {
    const old = this.#successors.get(executor);
    this.#successors.delete(executor);
    if (old !== undefined && isMember(old)) {
      executor.slots = old.slots;
      old.retire("recycled");
    }
    this.reconcile();
  }

  /** `retryInMs`: nothing is started before. */
  gone(executor: Executor, retryInMs: number): void {
    if (executor.state === "ended") this.all.delete(executor);
    this.#successors.delete(executor);
    if (retryInMs > 0 && !this.#closed) {
      clearTimeout(this.#pause);
      this.#pause = setTimeout(() => {
        this.#pause = undefined;
        this.reconcile();
      }, retryInMs);
    }
    this.reconcile();
  }

  /** Starts nothing more. */
  halt(): void {
    this.#closed = true;
  }

  /** Ends all of them. Resolves when they are gone; one that cannot be ended is waited for five seconds. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#pause);
    const over: Promise<void>[] = [];
    for (const executor of this.all) {
      if (executor.running.size > 0) executor.end("closed");
      else executor.retire("closed");
      over.push(executor.over);
    }
    await Promise.all(over);
  }

  #mayStart(): boolean {
    if (this.#pause !== undefined) return false;
    let starting = 0;
    for (const executor of this.all) if (executor.state === "starting") starting++;
    return starting < STARTING_AT_ONCE;
  }

  #spawn(): Executor {
    const executor = this.#options.spawn();
    this.all.add(executor);
    return executor;
  }
}

function isMember({ state }: Executor): boolean {
  return state === "starting" || state === "ready" || state === "stalled";
}

/** Those that have not begun to serve leave first, then those with the least aboard. */
function leastMissed(a: Executor, b: Executor): number {
  const rank = (executor: Executor) => (executor.state === "starting" ? -1 : executor.running.size);
  return rank(a) - rank(b);
}
