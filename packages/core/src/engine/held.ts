/** One delivery in the engine's hands, from intake to settlement, and the table of all of them. */

import type { AbortReason, Delivery, Execution, KillReason, Message, ResolvedTask } from "../contracts/index.ts";
import type { PoolLane, QueueLane } from "./lanes.ts";
import type { TaskCounters } from "./statistics.ts";

/**
 * waiting: no slot yet, or ownership is being confirmed. running: in an executor. settling: its outcome is known and on its way to
 * result store and broker. Out of the table: settled, given back or lost.
 *
 * waiting → running → settling → out;  waiting → settling (expired, cancelled, released) → out
 */
export type HeldState = "waiting" | "running" | "settling";

const NONE: readonly Delivery[] = Object.freeze([]);

export class Held {
  /** Replaced when a redelivery of the same message is adopted. */
  delivery: Delivery;
  /**
   * What was ours when the message came again: the same hand-over, lost without our knowledge, or a second copy of one id, as a publish whose
   * answer was lost may leave. Settled when `delivery` is, or in its place should that be lost: a copy that nobody settles holds its slot.
   */
  earlier: readonly Delivery[] = NONE;
  /** The message came again while this one was being settled; what that means is known when the settlement is. */
  successors: readonly Delivery[] = NONE;
  readonly message: Message;
  readonly queue: QueueLane;
  readonly pool: PoolLane;
  readonly policy: ResolvedTask;
  readonly counters: TaskCounters;
  readonly attempt: number;
  /** Runs begun that ended their executor or worker, of this message so far. */
  starts: number;
  readonly receivedAt: number;
  state: HeldState = "waiting";
  startedAt = 0;
  execution: Execution | undefined = undefined;
  aborted: AbortReason | undefined = undefined;
  killed: KillReason | undefined = undefined;
  cancelReason: string | undefined = undefined;
  cancelled = false;
  stalled = false;
  /** When ownership was reported lost and not yet adopted again; 0 while it is ours. */
  lostAt = 0;
  /** Went back to the broker while it still ran (shutdown): its outcome no longer matters. */
  givenBack = false;
  /** A renewal is under way; during an outage it may take long, and one is enough. */
  renewing = false;
  /** Told to the result store as running. */
  announced = false;

  constructor(
    delivery: Delivery,
    queue: QueueLane,
    policy: ResolvedTask,
    counters: TaskCounters,
    attempt: number,
    starts: number,
    now: number,
  ) {
    this.delivery = delivery;
    this.message = delivery.message;
    this.queue = queue;
    this.pool = queue.pool;
    this.policy = policy;
    this.counters = counters;
    this.attempt = attempt;
    this.starts = starts;
    this.receivedAt = now;
  }

  get id(): string {
    return this.message.id;
  }
}
