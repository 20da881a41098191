/**
 * The data layout: every name on the server and the arguments it is declared with. All of it begins with the prefix (`lovage`); parts are
 * joined by a colon, which no queue's name can hold.
 *
 *     lovage:queue:NAME                  ready messages; of several bands: those of the band that the default priority is in
 *     lovage:queue:NAME:+1 …             bands of higher priorities, the nearest first
 *     lovage:queue:NAME:-1 …             bands of lower ones
 *     lovage:dead:NAME:MAX:RETENTION     dead letters; the settings are in the name, because arguments of a queue cannot change
 *     lovage:delay:00 … lovage:delay:31  exchange and queue of each level of the delay ladder (rabbitmq-ladder.ts)
 *     lovage:due                         where the ladder ends: topic exchange, bound to each queue by its name
 *     lovage:journal                     stream: declared queues, pauses, revocations (rabbitmq-journal.ts)
 *     lovage:commands, lovage:events     fanout exchanges of the control channel, with an exclusive queue per participant
 *     lovage:serving, lovage:listening   empty queues whose consumers are counted
 *     lovage:replies:UUID                results on their way to the caller that waits for them (rabbitmq-replies.ts)
 *     lovage:lock:NAME                   exclusive queue: whoever has it works on the dead letters of NAME
 *
 * A queue declared with other arguments than it has is refused by the server (406), so these are the same on every version of it.
 */

import { bandOf } from "@lovage/core/brokers";
import { DEFAULT_PRIORITY, type QueueSettings } from "@lovage/core/contracts";
import type { Options } from "amqplib";

export type QueueType = "quorum" | "classic";

/** Accepted by all versions. Absent means 20 from RabbitMQ 4 on, and a release counts: a healthy message would be gone after 20 of them. */
const NEVER_REACHED = 1_000_000_000;

/**
 * What a consumer held whose node of the cluster died, or cannot be reached, is given to others after this. Before 4.3 that is at once and
 * nobody looks at the argument; from 4.3 on it is a minute unless said otherwise.
 */
const GIVEN_ON = { "x-consumer-disconnected-timeout": 1_000 };

/**
 * The server's list of replicated queues and streams reaches its disk up to a second after one was made, on 3.10, 4.0 and 4.3. Killed before, it
 * comes back with the queue empty, whatever it has confirmed.
 */
export const YOUNG_MS = 1_200;

export interface LayoutOptions {
  readonly prefix: string;
  readonly queueType: QueueType;
  readonly ackTimeoutMs: number;
}

/**
 * A band by its distance from that of the default priority, which is 0; higher ones are positive. So bands keep their places when there are
 * more of them, and what somebody sends who knows of one band only is where it would be.
 */
export function rungOf(priority: number, bands: number): number {
  return bands === 1 ? 0 : bandOf(DEFAULT_PRIORITY, bands) - bandOf(priority, bands);
}

/** Of all bands, the highest first. */
export function rungs(bands: number): readonly number[] {
  const highest = bandOf(DEFAULT_PRIORITY, bands);
  return Array.from({ length: bands }, (_, band) => highest - band);
}

export function signed(rung: number): string {
  return rung > 0 ? `+${rung}` : `${rung}`;
}

export class Layout {
  readonly queueType: QueueType;
  readonly #prefix: string;
  readonly #ackTimeoutMs: number;

  constructor({ prefix, queueType, ackTimeoutMs }: LayoutOptions) {
    this.#prefix = prefix;
    this.queueType = queueType;
    this.#ackTimeoutMs = ackTimeoutMs;
  }

  /** How long after its making a queue outlives a crash with all that it has confirmed, in ms: it is not called declared before. */
  get newQueueMs(): number {
    return this.queueType === "quorum" ? YOUNG_MS : 0;
  }

  get journal(): string {
    return this.#name("journal");
  }

  get due(): string {
    return this.#name("due");
  }

  get commands(): string {
    return this.#name("commands");
  }

  get events(): string {
    return this.#name("events");
  }

  get serving(): string {
    return this.#name("serving");
  }

  get listening(): string {
    return this.#name("listening");
  }

  ready(queue: string, rung = 0): string {
    return rung === 0 ? this.#name("queue", queue) : this.#name("queue", queue, signed(rung));
  }

  /** The ready messages of each band, the highest first. */
  bands(queue: string, bands: number): readonly string[] {
    return rungs(bands).map((rung) => this.ready(queue, rung));
  }

  dead(queue: string, { maxDead, deadRetentionMs }: QueueSettings): string {
    return this.#name("dead", queue, maxDead, deadRetentionMs);
  }

  replies(caller: string): string {
    return this.#name("replies", caller);
  }

  lock(queue: string): string {
    return this.#name("lock", queue);
  }

  level(level: number): string {
    return this.#name("delay", String(level).padStart(2, "0"));
  }

  readyArguments(): Options.AssertQueue {
    // Quorum queues before 4.0 refuse the one, classic queues from 4.3 on the other, which counts from 3.12 on.
    return this.#durable(
      this.queueType === "classic"
        ? { "x-max-priority": 10 }
        : { "x-consumer-timeout": this.#ackTimeoutMs, ...GIVEN_ON },
    );
  }

  deadArguments({ maxDead, deadRetentionMs }: QueueSettings): Options.AssertQueue {
    return this.#durable({
      "x-max-length": maxDead,
      "x-message-ttl": deadRetentionMs,
      ...(this.queueType === "quorum" ? GIVEN_ON : {}),
    });
  }

  /**
   * Replicated whatever the others are: a message must leave its level only when the next place has confirmed it, which is more than classic
   * queues can do. Of those, a server that is killed loses what is on its way from one to the next.
   */
  levelArguments(ttlMs: number, next: string): Options.AssertQueue {
    return durable("quorum", {
      "x-message-ttl": ttlMs,
      "x-dead-letter-exchange": next,
      "x-dead-letter-strategy": "at-least-once",
      "x-overflow": "reject-publish",
    });
  }

  /** A caller's own, not exclusive, so that it outlives its connection for a while; on one node, for which nobody waits when it is made. */
  replyArguments(expiresMs: number): Options.AssertQueue {
    return { durable: true, arguments: { "x-queue-type": "classic", "x-expires": expiresMs } };
  }

  /** Nothing is ever in them. */
  countingArguments(): Options.AssertQueue {
    return this.#durable({});
  }

  journalArguments(): Options.AssertQueue {
    const stream = { "x-queue-type": "stream", "x-max-age": "7D", "x-stream-max-segment-size-bytes": 1_000_000 };
    return { durable: true, arguments: stream };
  }

  #durable(more: Readonly<Record<string, unknown>>): Options.AssertQueue {
    return durable(this.queueType, more);
  }

  #name(...parts: readonly (string | number)[]): string {
    return [this.#prefix, ...parts].join(":");
  }
}

function durable(type: QueueType, more: Readonly<Record<string, unknown>>): Options.AssertQueue {
  const limit = type === "quorum" ? { "x-delivery-limit": NEVER_REACHED } : {};
  return { durable: true, arguments: { "x-queue-type": type, ...limit, ...more } };
}

const REPLIES = /^[A-Za-z0-9._-]{1,40}:replies:[0-9a-f-]{36}$/;

/** An address comes with a message, from anyone: nothing but a reply queue is written to. */
export function isReplyAddress(address: string | undefined): address is string {
  return address !== undefined && REPLIES.test(address);
}
