/**
 * Moves what waits into free slots, and turns outcomes into verdicts. It holds back for three reasons only: the lease has run out
 * while this process slept, a start must first be recorded, or a suspect runs alone.
 */

import { isLovageError, type Outcome, type RunRequest } from "../contracts/index.ts";
import type { Held } from "./held.ts";
import type { Kernel } from "./kernel.ts";
import type { PoolLane } from "./lanes.ts";
import type { Settler } from "./settle.ts";
import { Suspects } from "./suspects.ts";
import type { TimeLimits } from "./time-limits.ts";
import { decide } from "./verdict.ts";
import { reportVerdict } from "./verdict-report.ts";

export class Dispatcher {
  readonly #kernel: Kernel;
  readonly #settler: Settler;
  readonly #limits: TimeLimits;
  readonly #suspects: Suspects;
  readonly #scheduled = new Set<PoolLane>();

  constructor(kernel: Kernel, settler: Settler, limits: TimeLimits) {
    this.#kernel = kernel;
    this.#settler = settler;
    this.#limits = limits;
    this.#suspects = new Suspects(kernel.lanes);
  }

  /** Fills the lane's slots at the end of this tick. */
  pump(lane: PoolLane): void {
    if (this.#scheduled.has(lane)) return;
    this.#scheduled.add(lane);
    queueMicrotask(() => {
      this.#scheduled.delete(lane);
      this.#fill(lane);
    });
  }

  #fill(lane: PoolLane): void {
    const now = Date.now();
    while (lane.waiting.size > 0 && lane.available > 0) {
      const held = lane.waiting.peek() as Held;
      if (held.state === "waiting" && !this.#suspects.mayBegin(held)) return;
      lane.waiting.shift();
      if (held.state !== "waiting") continue;
      const expires = held.delivery.leaseExpiresAt;
      if (expires !== undefined && expires <= now) this.#confirm(held, "renew");
      else if (held.delivery.redelivered) this.#confirm(held, "start");
      else this.#run(held);
    }
  }

  /** The broker confirms ownership, or records the start, before anything runs; the slot is kept meanwhile. */
  #confirm(held: Held, what: "renew" | "start"): void {
    const lane = held.pool;
    const { delivery } = held;
    lane.reserved++;
    const asked = what === "renew" ? delivery.renew() : delivery.markStarted();
    asked.then(
      (settlement) => {
        lane.reserved--;
        if (held.state !== "waiting") this.withdraw(held);
        else if (settlement === "lost" && held.delivery === delivery && !this.#another(held)) this.lost(held);
        else if (held.delivery !== delivery || (what === "renew" && delivery.redelivered)) this.#confirm(held, "start");
        else this.#run(held);
        this.pump(lane);
      },
      (error) => {
        lane.reserved--;
        if (!isLovageError(error, "BROKER_CLOSED")) this.#kernel.events.internalError(what, error);
        this.lost(held);
        // Another copy may be ours.
        if (held.state === "waiting") this.#confirm(held, "start");
        this.pump(lane);
      },
    );
  }

  #run(held: Held): void {
    const lane = held.pool;
    held.startedAt = performance.now();
    try {
      held.execution = lane.pool.run(requestOf(held));
    } catch (error) {
      // A pool that has no slot, or is closed, although it said otherwise: the message must not pay for it.
      this.#kernel.events.internalError("run", error);
      this.release(held, "pool refused");
      return;
    }
    held.state = "running";
    lane.running++;
    this.#limits.watch(held);
    if (this.#kernel.events.routineWanted)
      this.#kernel.events.task({ ...this.#kernel.subject(held), type: "task-started", pool: lane.name });
    void held.execution.outcome.then((outcome) => this.#finished(held, outcome));
  }

  #finished(held: Held, outcome: Outcome): void {
    const lane = held.pool;
    this.#limits.forget(held);
    lane.running--;
    held.execution = undefined;
    this.withdraw(held);
    this.pump(lane);
    if (this.#suspects.current !== undefined) this.pump(this.#suspects.current.pool);
    if (outcome.durationMs !== undefined) {
      held.counters.ran(outcome.durationMs);
      lane.gauge.observe(held.policy.name, outcome.durationMs, Date.now());
    }
    if (held.givenBack) return;
    const verdict = decide(outcome, {
      policy: held.policy,
      attempt: held.attempt,
      starts: held.starts,
      maxStarts: this.#kernel.maxStarts,
      random: Math.random(),
      cancelled: held.cancelled,
    });
    reportVerdict(this.#kernel, held, verdict, outcome);
    this.#settler.settle(held, verdict, outcome);
  }

  /** Of some delivery of that message. Which one is said by its signal, and asked for only where there are several. */
  ownershipLost(held: Held): void {
    if (held.earlier.length > 0) {
      held.earlier = held.earlier.filter(({ lost }) => !lost.aborted);
      if (!held.delivery.lost.aborted) return;
    }
    this.lost(held);
  }

  /** Another copy of the message may be ours still. */
  #another(held: Held): boolean {
    const another = held.earlier.at(-1);
    if (another === undefined) return false;
    held.delivery = another;
    held.earlier = held.earlier.slice(0, -1);
    return true;
  }

  /** Ownership is gone. A running task goes on for now: its message may come back to us and be adopted. */
  lost(held: Held): void {
    if (held.state === "settling" || held.lostAt !== 0 || this.#another(held)) return;
    held.lostAt = Date.now();
    this.#kernel.events.task({ ...this.#kernel.subject(held), type: "task-lost" });
    if (held.state === "waiting") {
      held.state = "settling";
      this.withdraw(held);
      this.#kernel.remove(held);
    }
  }

  /** Gives back, unblamed, what has not begun. */
  release(held: Held, reason: string): void {
    this.withdraw(held);
    reportVerdict(this.#kernel, held, { type: "release", reason });
    this.#settler.settle(held, { type: "release", reason });
  }

  /** It will not run here, or no longer runs: others need not wait for it. */
  withdraw(held: Held): void {
    if (this.#suspects.clear(held)) for (const lane of this.#kernel.lanes) this.pump(lane);
  }
}

function requestOf(held: Held): RunRequest {
  const { message, policy } = held;
  const request = {
    id: message.id,
    task: message.headers.task,
    queue: held.queue.name,
    headers: message.headers,
    body: message.body,
    attempt: held.attempt,
    deliveries: held.delivery.deliveryCount ?? 1,
    retriesLeft: Math.max(0, policy.attempts - held.attempt),
  };
  return policy.softMs === undefined ? request : { ...request, deadline: Date.now() + policy.softMs };
}
