import { backoff, type ConsumptionTerms, type Feed, HeldConsumption } from "@lovage/core/brokers";
import { BrokerUnavailableError, type LovageError } from "@lovage/core/contracts";
import type { Channel, ConsumeMessage } from "amqplib";
import type { Session } from "../connection/rabbitmq-link.ts";
import { type Arrived, opened } from "../publishing/rabbitmq-envelope.ts";
import { isAckTimeout, isMissing, messageOf, rabbitMqError } from "../rabbitmq-errors.ts";
import { type Consumer, Consumers } from "./rabbitmq-consumers.ts";
import { Arrivals, type Pulse } from "./rabbitmq-pulse.ts";
import { type Tag, Unsettled } from "./rabbitmq-unsettled.ts";

/** What proves that a delivery is ours: that the channel it came by is still there. */
export interface RabbitMqClaim {
  readonly unsettled: Unsettled;
  readonly tag: Tag;
}

/** What a feed needs of its broker. */
export interface FeedHost {
  /** The server's queues, one per band, the highest first. */
  places(queue: string): readonly string[];
  readonly pulse: Pulse;
  /** Undefined while the connection is down. */
  readonly session: Session | undefined;
  paused(queue: string): boolean;
  /** Nobody is to see it: it was revoked or purged, or comes again although it was settled, or is to wait longer. Takes care of it. */
  handled(arrived: Arrived, claim: RabbitMqClaim, queue: string, redelivered: boolean): boolean;
  /** The server has no such queue (any more). True: it was made anew. False: it is gone for good. */
  mend(queue: string): Promise<boolean>;
  /** Copies that were settled by a channel that ended. */
  doubtful(copies: readonly string[]): void;
  restarted(queue: string, reason: string): void;
  warn(code: string, message: string): void;
  ended(feed: RabbitMqFeed): void;
}

const CHANNEL_ENDED = "its connection or channel had ended";
/** The server does not say which; of the last only RabbitMQ 4.3 and later tell this way. */
const CONSUMER_ENDED =
  "the server had ended its consumer: the queue was deleted or has moved, or a delivery was unsettled for longer than ackTimeoutMs";

/**
 * A queue that was deleted is on the server's books for a moment longer than it lives. Whoever consumes it then has not only the channel closed,
 * but the whole connection (4.3.6: 541, noproc).
 */
const GONE_MS = 500;

/**
 * The messages of one queue, by a channel of its own, so that whatever the server has against it touches this queue only:
 *
 *     detached → (attach) attached → (channel or connection ends) detached …; each → (end) ended
 */
export class RabbitMqFeed implements Feed {
  readonly consumption: HeldConsumption<RabbitMqClaim>;
  readonly #host: FeedHost;
  readonly #started = Promise.withResolvers<void>();
  #channel: Channel | undefined;
  #unsettled: Unsettled | undefined;
  #consumers: Consumers | undefined;
  #attaching: Promise<void> | undefined;
  #again: NodeJS.Timeout | undefined;
  #flushing = false;
  #failures = 0;
  #wasAttached = false;
  /** Why it is to begin anew. */
  #ended = CHANNEL_ENDED;

  constructor(terms: ConsumptionTerms<RabbitMqClaim>, host: FeedHost) {
    this.#host = host;
    this.consumption = new HeldConsumption(terms, this);
    this.#started.promise.catch(() => {});
    this.attach();
  }

  /** Resolves when it has been attached once; rejects when that can never be. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** The connection is there, perhaps anew. */
  attach(): void {
    clearTimeout(this.#again);
    if (!this.consumption.open || this.#channel !== undefined) return;
    this.#attaching ??= this.#attach().finally(() => {
      this.#attaching = undefined;
    });
  }

  roomChanged(): void {
    void this.#consumers?.arrange();
  }

  async end(): Promise<void> {
    clearTimeout(this.#again);
    this.#started.reject(new BrokerUnavailableError("the consumption was stopped before it began"));
    await this.#attaching;
    await this.#consumers?.arrange();
    this.#retire();
  }

  async #attach(): Promise<void> {
    const { session } = this.#host;
    if (session === undefined) return;
    const { queue } = this.consumption;
    try {
      const channel = await session.createChannel();
      let reason: unknown;
      channel.on("error", (error) => {
        reason = error;
      });
      channel.on("handler-error", (error) => {
        // The server ended a consumer that we have cancelled just now: nothing is lost.
        if (error.message.startsWith("Unknown consumer")) return;
        process.nextTick(() => {
          throw error;
        });
      });
      const unsettled = new Unsettled(channel);
      const consumers = this.#consumersOn(channel, unsettled);
      this.#channel = channel;
      this.#unsettled = unsettled;
      this.#consumers = consumers;
      channel.on("close", () => {
        consumers.close();
        this.#detached(channel, unsettled, reason);
      });
      // Also when nothing may be taken yet: whether the queue is there is known now.
      for (const place of this.#host.places(queue)) await channel.checkQueue(place);
      this.#failures = 0;
      this.#started.resolve();
      void consumers.arrange();
      if (this.#wasAttached) this.#host.restarted(queue, this.#ended);
      this.#ended = CHANNEL_ENDED;
      this.#wasAttached = true;
    } catch (error) {
      await this.#failed(error);
    }
  }

  async #failed(error: unknown): Promise<void> {
    const { queue } = this.consumption;
    if (isMissing(error)) {
      const mended = await this.#host.mend(queue).catch(() => undefined);
      if (mended === false) {
        this.#started.reject(rabbitMqError(error, queue));
        this.consumption.queueLost();
        return;
      }
    }
    const known: LovageError = rabbitMqError(error, queue);
    if (!known.retryable && !isMissing(error)) {
      this.#started.reject(known);
      if (this.#failures === 3)
        this.#host.warn("consume-failed", `queue "${queue}" cannot be consumed: ${known.message}`);
    }
    this.#tryAgain();
  }

  #tryAgain(leastMs = 0): void {
    if (!this.consumption.open) return;
    this.#failures += 1;
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.attach(), Math.max(leastMs, backoff(this.#failures, 20, 500)));
  }

  /** What the channel had given us is given to others now. */
  #detached(channel: Channel, unsettled: Unsettled, reason: unknown): void {
    this.#host.doubtful(unsettled.doubtful);
    if (this.#channel === channel) {
      this.#channel = undefined;
      this.#unsettled = undefined;
      this.#consumers = undefined;
    }
    this.consumption.loseAll(({ claim }) => claim.unsettled === unsettled);
    this.#retire();
    if (reason === undefined || !this.consumption.open) return;
    if (isAckTimeout(reason)) {
      this.#host.warn(
        "ack-timeout",
        `queue "${this.consumption.queue}": RabbitMQ took deliveries back that were held for too long (${messageOf(reason)}); they run again. Raise ackTimeoutMs, before RabbitMQ 3.12 consumer_timeout in rabbitmq.conf, above the longest hard limit of your tasks`,
      );
    }
    this.#tryAgain();
  }

  get #credit(): number {
    const { consumption } = this;
    return consumption.open && !this.#host.paused(consumption.queue) ? Math.floor(consumption.credit) : 0;
  }

  #consumersOn(channel: Channel, unsettled: Unsettled): Consumers {
    const feed = this;
    const arrivals = new Arrivals(channel, this.#host.pulse);
    const consumers: Consumers = new Consumers(channel, {
      get credit() {
        return feed.#credit;
      },
      get places() {
        return feed.#host.places(feed.consumption.queue);
      },
      arrived: (message, consumer) => arrivals.take(() => this.#arrived(message, consumers, consumer, unsettled)),
    });
    return consumers;
  }

  #arrived(message: ConsumeMessage | null, consumers: Consumers, consumer: Consumer, unsettled: Unsettled): void {
    if (message === null) {
      this.#ended = CONSUMER_ENDED;
      void this.#channel?.close().catch(() => {});
      this.#tryAgain(GONE_MS);
      return;
    }
    const { queue } = this.consumption;
    const arrived = opened(message);
    const { deliveryTag, redelivered } = message.fields;
    const tag: Tag = {
      number: deliveryTag,
      copy: `${arrived.message.id}/${arrived.marks.copy ?? ""}`,
      settled: () => {
        consumers.settled(consumer);
        if (!this.consumption.open) setImmediate(() => this.#retire());
      },
    };
    unsettled.add(tag);
    const claim: RabbitMqClaim = { unsettled, tag };
    if (this.#host.handled(arrived, claim, queue, redelivered)) {
      this.#flushSoon(unsettled);
      return;
    }
    const { deliveriesBefore } = arrived;
    const counted = deliveriesBefore !== undefined || !redelivered ? (deliveriesBefore ?? 0) + 1 : undefined;
    const taken = { message: arrived.message, claim, redelivered, deliveryCount: counted };
    if (!consumers.divided || this.consumption.room > 0) this.consumption.take(taken);
    else {
      // For somebody else, unless there is room by then.
      consumer.surplus.push(() => {
        if (this.consumption.room > 0) this.consumption.take(taken);
        else unsettled.giveBack(tag);
      });
    }
  }

  #flushSoon(unsettled: Unsettled): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      void unsettled.handled();
    });
  }

  /** Ended, with nothing left to settle: the channel goes. */
  #retire(): void {
    if (this.consumption.open) return;
    this.#host.ended(this);
    const channel = this.#channel;
    if (channel === undefined || (this.#unsettled?.size ?? 0) > 0) return;
    this.#channel = undefined;
    void this.#unsettled?.handled().then(() => channel.close().catch(() => {}));
  }
}
