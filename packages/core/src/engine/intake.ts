/**
 * What arrives: each delivery becomes a Held in its lane's line, is adopted by the run that already has its message, or is refused
 * on sight (unknown task, expired, poison, an envelope from the future) with its reason.
 */

import { policyFor } from "../app/policy.ts";
import {
  type Delivery,
  ENVELOPE_VERSION,
  errorData,
  type Headers,
  LovageError,
  type ResolvedTask,
  UnknownTaskError,
} from "../contracts/index.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { Held } from "./held.ts";
import type { Kernel } from "./kernel.ts";
import type { QueueLane } from "./lanes.ts";
import { refusal, type Settler } from "./settle.ts";
import { reportVerdict } from "./verdict-report.ts";

export class Intake {
  readonly #kernel: Kernel;
  readonly #dispatcher: Dispatcher;
  readonly #settler: Settler;
  /** Of replies that nobody sends. */
  #warned = false;

  constructor(kernel: Kernel, dispatcher: Dispatcher, settler: Settler) {
    this.#kernel = kernel;
    this.#dispatcher = dispatcher;
    this.#settler = settler;
  }

  /** The `onDeliveries` of a queue's consumption. */
  receive(queue: QueueLane, batch: readonly Delivery[]): void {
    const now = Date.now();
    for (const delivery of batch) this.#receiveOne(queue, delivery, now);
    if (queue.held >= queue.credit) queue.hungry = true;
    this.#dispatcher.pump(queue.pool);
  }

  #receiveOne(queue: QueueLane, delivery: Delivery, now: number): void {
    const kernel = this.#kernel;
    const { message } = delivery;
    const known = kernel.held.get(message.id);
    if (known !== undefined) {
      this.#adopt(known, delivery);
      return;
    }
    const { headers } = message;
    const resolved = kernel.policy(headers.task);
    const policy = resolved === undefined ? orphanPolicy(headers, queue) : policyFor(resolved, headers);
    const counters = kernel.statistics.of(policy.name);
    const starts = (headers.starts ?? 0) + (delivery.starts ?? 0);
    const held = new Held(delivery, queue, policy, counters, headers.attempt ?? 1, starts, now);
    counters.received++;
    kernel.held.set(message.id, held);
    queue.held++;
    if (kernel.events.routineWanted) {
      const counted = delivery.deliveryCount === undefined ? {} : { deliveryCount: delivery.deliveryCount };
      kernel.events.task({ ...kernel.subject(held), type: "task-received", ...counted });
    }
    if (kernel.state === "draining" || kernel.state === "stopped") {
      this.#dispatcher.release(held, "shutdown");
      return;
    }
    if (held.message.headers.replyTo !== undefined) this.#checkReplies(held);
    const refused = this.#refuse(held, resolved, now);
    if (refused !== undefined) {
      reportVerdict(kernel, held, refused);
      this.#settler.settle(held, refused);
      return;
    }
    queue.pool.waiting.push(held);
  }

  /**
   * The message came again while we still have it: the new ownership goes before the old, nothing is started twice. While it is being
   * settled nobody knows yet whether it came because the settlement gave it back or because ownership was lost before.
   */
  #adopt(held: Held, delivery: Delivery): void {
    if (held.state === "settling") {
      held.successors = [...held.successors, delivery];
      return;
    }
    if (held.lostAt === 0) held.earlier = [...held.earlier, held.delivery].filter((each) => mayBeOurs(each));
    held.delivery = delivery;
    held.lostAt = 0;
    this.#kernel.events.task({ ...this.#kernel.subject(held), type: "task-adopted" });
  }

  /** Said once: whoever waits for it waits in vain, and so may others. */
  #checkReplies(held: Held): void {
    if (this.#warned || this.#kernel.repliesServed) return;
    this.#warned = true;
    this.#kernel.events.emit({
      type: "warning",
      code: "replies-unserved",
      message: `whoever enqueued ${held.policy.name} waits for its result at an address, and this worker sends none there: start it with the result store of that client (--results)`,
    });
  }

  #refuse(held: Held, resolved: ResolvedTask | undefined, now: number): ReturnType<typeof refusal> | undefined {
    const { headers } = held.message;
    if ((headers.v ?? 1) > ENVELOPE_VERSION) {
      const message = `envelope version ${headers.v} is newer than ${ENVELOPE_VERSION}; upgrade this worker and redrive`;
      return refusal("undecodable", errorData(new LovageError("DECODE", message)));
    }
    if (resolved === undefined) {
      const error = new UnknownTaskError(headers.task, this.#kernel.app.tasks.names());
      return refusal("unknown-task", errorData(error));
    }
    if (headers.expiresAt !== undefined && headers.expiresAt <= now) {
      held.counters.expired++;
      this.#kernel.events.task({ ...this.#kernel.subject(held), type: "task-expired" });
      return refusal("expired", errorData(new LovageError("EXPIRED", `it expired ${now - headers.expiresAt} ms ago`)));
    }
    const { maxStarts, maxDeliveries, broker } = this.#kernel;
    const deliveries = held.delivery.deliveryCount ?? 1;
    const poison = held.starts >= maxStarts || (!broker.capabilities.countsStarts && deliveries > maxDeliveries);
    if (poison) {
      const message = `it was begun ${held.starts} times (handed out ${deliveries} times) and always ended with its executor or worker; see the log of those for why`;
      return refusal("poison", errorData(new LovageError("POISON", message)));
    }
    return undefined;
  }
}

function mayBeOurs({ leaseExpiresAt, lost }: Delivery): boolean {
  return !lost.aborted && (leaseExpiresAt === undefined || leaseExpiresAt > Date.now());
}

/** A message whose task nobody knows still has a queue, a result to fail and a place in the statistics. */
function orphanPolicy(headers: Headers, queue: QueueLane): ResolvedTask {
  return {
    name: headers.task,
    queue: queue.name,
    pool: queue.pool.name,
    attempts: 1,
    retryDelayMs: 0,
    retryFactor: 1,
    retryMaxDelayMs: 0,
    retryJitter: "none",
    softMs: undefined,
    hardMs: Number.MAX_SAFE_INTEGER,
    hardExplicit: false,
    priority: 5,
    expiresMs: undefined,
    resultTtlMs: headers.result === false ? undefined : typeof headers.result === "number" ? headers.result : 3_600_000,
    source: {},
  };
}
