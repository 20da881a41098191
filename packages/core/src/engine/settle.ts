/** Acts on a verdict: the result first, then the settlement. The only place of the engine that settles deliveries. */

import {
  type Broker,
  type DeadLetterReason,
  type Delivery,
  type ErrorData,
  type Headers,
  isLovageError,
  type ResultRecord,
  type Settlement,
} from "../contracts/index.ts";
import { AckLine } from "./ack-line.ts";
import type { EventStream } from "./events.ts";
import type { Held } from "./held.ts";
import type { QueueLane } from "./lanes.ts";
import type { ResultWriter } from "./result-writer.ts";
import type { Verdict } from "./verdict.ts";

/** What is left of a success once its result is written. */
const ACK: Verdict = { type: "succeed", value: undefined };
/** On brokers that do not fence, a settlement this close to the end of the lease might hit the next holder. */
const STALE_MARGIN_MS = 500;

export interface SettleContext {
  readonly worker: string;
  readonly broker: Broker;
  readonly results: ResultWriter | undefined;
  readonly events: EventStream;
  /** The delivery is out of the engine's hands: settled, or lost with nothing adopted in its place. */
  readonly gone: (held: Held, settlement: Settlement) => void;
  /** A delivery that is work again. */
  readonly received: (queue: QueueLane, delivery: Delivery) => void;
}

export class Settler {
  readonly #context: SettleContext;
  readonly #acks = new AckLine((held) => this.#send(held, ACK));

  constructor(context: SettleContext) {
    this.#context = context;
  }

  settle(held: Held, verdict: Verdict, times: { startedAt?: number; durationMs?: number } = {}): void {
    held.state = "settling";
    const record = this.#record(held, verdict, times);
    const { results } = this.#context;
    if (record !== undefined && results !== undefined) {
      if (record.final) {
        void results.write(record).then(() => this.#leave(held, verdict));
        return;
      }
      results.announce(record);
    }
    this.#leave(held, verdict);
  }

  #leave(held: Held, verdict: Verdict): void {
    if (verdict.type === "succeed") this.#acks.add(held);
    else this.#send(held, verdict);
  }

  #send(held: Held, verdict: Verdict): void {
    this.#apply(held, held.delivery, verdict).then(
      (settlement) => this.#answered(held, verdict, settlement),
      (error) => {
        if (!isLovageError(error, "BROKER_CLOSED")) this.#context.events.internalError("settle", error);
        this.#context.gone(held, "lost");
      },
    );
  }

  /**
   * The message may have come again: after a loss the ending is told by what came instead; after a giving back, what came meanwhile is new
   * work. Every other copy ends with this one: its task is done, dead, or waits for its next attempt already.
   */
  #answered(held: Held, verdict: Verdict, settlement: Settlement): void {
    const [next, ...others] = [...held.successors, ...held.earlier];
    if (settlement === "lost" && next !== undefined) {
      held.delivery = next;
      held.successors = held.successors.slice(1);
      held.earlier = others.slice(held.successors.length);
      this.#send(held, verdict);
      return;
    }
    const { earlier, successors } = held;
    this.#context.gone(held, settlement);
    if (next === undefined) return;
    const isBack = verdict.type === "release" || verdict.type === "retry" || verdict.type === "restart";
    for (const delivery of successors) {
      if (isBack) this.#context.received(held.queue, delivery);
      else this.#drop(delivery);
    }
    // Without fencing an ack of what may be the same message would remove what has just been given back.
    const { fenced } = this.#context.broker.capabilities;
    for (const delivery of earlier) {
      if (fenced || !isBack) this.#drop(delivery);
      else this.#quietly(this.#apply(held, delivery, { type: "release", reason: "another copy is back" }));
    }
  }

  /** Of a copy whose task is done, or waits elsewhere. */
  #drop(delivery: Delivery): void {
    this.#quietly(delivery.ack());
  }

  #quietly(settling: Promise<Settlement>): void {
    settling.catch((error) => {
      if (!isLovageError(error, "BROKER_CLOSED")) this.#context.events.internalError("settle", error);
    });
  }

  #apply(held: Held, delivery: Delivery, verdict: Verdict): Promise<Settlement> {
    if (verdict.type === "succeed" || verdict.type === "cancel") return delivery.ack();
    // An unfenced ack past the lease only removes work that was done; every other settlement could disturb the next holder.
    const { fenced, maxDelayMs } = this.#context.broker.capabilities;
    if (!fenced && delivery.leaseExpiresAt !== undefined) {
      if (Date.now() > delivery.leaseExpiresAt - STALE_MARGIN_MS) return Promise.resolve("lost");
    }
    switch (verdict.type) {
      case "retry":
        return delivery.requeue({
          delayMs: Math.min(verdict.delayMs, maxDelayMs),
          headers: nextHeaders(held.message.headers, held.attempt + 1, 0),
        });
      case "restart":
        return delivery.requeue({ headers: nextHeaders(held.message.headers, held.attempt, verdict.starts) });
      case "fail":
        return delivery.deadLetter(verdict.reason);
      case "release":
        return delivery.release();
    }
  }

  #record(held: Held, verdict: Verdict, times: { startedAt?: number; durationMs?: number }): ResultRecord | undefined {
    const kept = this.#context.results?.kept(held);
    if (kept === undefined) return undefined;
    if (verdict.type === "release" || verdict.type === "restart") return undefined;
    const finishedAt =
      times.startedAt !== undefined && times.durationMs !== undefined ? times.startedAt + times.durationMs : Date.now();
    const base = {
      id: held.id,
      task: held.policy.name,
      attempt: held.attempt,
      worker: this.#context.worker,
      ...kept,
      finishedAt,
      ...(times.startedAt === undefined ? {} : { startedAt: times.startedAt }),
    };
    switch (verdict.type) {
      case "succeed":
        return {
          ...base,
          state: "succeeded",
          final: true,
          ...(verdict.value === undefined ? {} : { value: verdict.value }),
        };
      case "cancel":
        return { ...base, state: "cancelled", final: true, error: cancelledError(held) };
      case "fail":
        return { ...base, state: "failed", final: true, error: verdict.error };
      case "retry":
        return { ...base, state: "retrying", final: false, error: verdict.error };
    }
  }
}

function cancelledError(held: Held): ErrorData {
  return { name: "TaskCancelledError", message: held.cancelReason ?? "cancelled", code: "TASK_CANCELLED" };
}

function nextHeaders(headers: Headers, attempt: number, starts: number): Headers {
  const { starts: _before, ...rest } = headers;
  return starts > 0 ? { ...rest, attempt, starts } : { ...rest, attempt };
}

/** Settles a delivery that never became work of ours, with a failed result where one is wanted. */
export function refusal(code: DeadLetterReason["code"], error: ErrorData): Verdict {
  return { type: "fail", error, reason: { code, details: `${error.name}: ${error.message}`.slice(0, 1_000) } };
}
