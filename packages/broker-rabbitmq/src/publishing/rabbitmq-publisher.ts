import { backoff, RenewedSet } from "@lovage/core/brokers";
import {
  BrokerBlockedError,
  BrokerClosedError,
  BrokerFullError,
  BrokerUnavailableError,
  type LovageError,
} from "@lovage/core/contracts";
import type { ConfirmChannel, Message } from "amqplib";
import type { Session } from "../connection/rabbitmq-link.ts";
import { isMissing } from "../rabbitmq-errors.ts";
import type { Envelope } from "./rabbitmq-envelope.ts";

/**
 * What became of something sent: `stored` by the queue it was for; `returned`: no queue wanted it; `refused`: the queue is full, or it was
 * never sent; `unknown`: sent, and no answer.
 */
export type Fate = "stored" | "returned" | "refused" | "unknown";

export interface Parcel extends Envelope {
  readonly exchange: string;
  readonly routingKey: string;
  /** Given up at this instant: ms of `performance.now()`. */
  readonly deadline: number;
  /** Held back by the server's alarm it waits, instead of being refused. */
  readonly patient?: boolean;
  /** Asked when its turn comes: what nobody wants any more is refused instead of sent. */
  wanted?(): boolean;
  /** Called once. */
  done(fate: Fate, error?: LovageError): void;
}

/** A parcel in the line, or under way. */
interface Entry {
  readonly parcel: Parcel;
  lane: Lane | undefined;
  returned: boolean;
  /** The server has refused it once: until when it is tried again. 0: it has not. */
  refusedUntil: number;
}

/** A confirm channel, with how much of it is unanswered. One that is not the newest closes when that is nothing. */
interface Lane {
  readonly channel: ConfirmChannel;
  underWay: number;
}

const LOOK_EVERY_MS = 250;
/**
 * A full queue refuses, and so does one whose leader died, to a channel that knew that leader, for ever (3.10.8): what is refused is tried again for so
 * long, on new channels.
 */
const REFUSED_MS = 1_000;
const MOST_WAIT_MS = 200;

/**
 * Everything that is stored goes through here, in the order asked, at most so many unconfirmed. A parcel is in the line until it is sent,
 * and under way until it is confirmed, returned, refused, given up, or its channel ends.
 */
export class Publisher {
  readonly #maxUnconfirmed: number;
  readonly #line: Entry[] = [];
  readonly #underWay = new RenewedSet<Entry>();
  readonly #onMissing: () => void;
  #next = 0;
  #refused: Entry[] = [];
  #session: Session | undefined;
  #lane: Lane | undefined;
  #writable = true;
  #blocked: string | undefined;
  #closed = false;
  #looking: NodeJS.Timeout | undefined;
  #renewing: NodeJS.Timeout | undefined;
  #renewals = 0;
  #idle: (() => void)[] = [];

  /** `onMissing`: an exchange that was there is gone. */
  constructor(maxUnconfirmed: number, onMissing: () => void) {
    this.#maxUnconfirmed = maxUnconfirmed;
    this.#onMissing = onMissing;
  }

  /** At every connection. */
  async attach(session: Session): Promise<void> {
    this.#session = session;
    this.#blocked = undefined;
    await this.#openLane(session);
  }

  /** Why the server holds publishers back, while it does. */
  get blocked(): string | undefined {
    return this.#blocked;
  }

  block(reason: string): void {
    this.#blocked = reason;
    this.#sift((entry) => {
      if (entry.parcel.patient === true) return true;
      entry.parcel.done("refused", blockedError(reason));
      return false;
    });
  }

  unblock(): void {
    this.#blocked = undefined;
    this.#pump();
  }

  send(parcel: Parcel): void {
    if (this.#closed) parcel.done("refused", new BrokerClosedError());
    else if (this.#blocked !== undefined && parcel.patient !== true)
      parcel.done("refused", blockedError(this.#blocked));
    else {
      this.#line.push({ parcel, lane: undefined, returned: false, refusedUntil: 0 });
      this.#pump();
      this.#looking ??= setInterval(() => this.#look(), LOOK_EVERY_MS);
    }
  }

  /** Waits for at most `ms` for what was sent before, and gives up the rest. */
  async close(ms: number): Promise<void> {
    if (this.#busy && (this.#lane !== undefined || this.#underWay.size > 0)) {
      await new Promise<void>((resolve) => {
        const late = setTimeout(resolve, ms);
        this.#idle.push(() => {
          clearTimeout(late);
          resolve();
        });
      });
    }
    this.#closed = true;
    clearTimeout(this.#renewing);
    this.#look(Number.POSITIVE_INFINITY);
  }

  get #busy(): boolean {
    return this.#underWay.size > 0 || this.#line.length > this.#next || this.#refused.length > 0;
  }

  async #openLane(session: Session): Promise<void> {
    const channel = await session.createConfirmChannel({ highWaterMark: 2 * this.#maxUnconfirmed });
    const lane: Lane = { channel, underWay: 0 };
    channel.on("error", (error) => {
      if (isMissing(error)) this.#onMissing();
    });
    channel.on("return", (message: Message) => this.#returned(lane, message));
    channel.on("drain", () => {
      if (this.#lane !== lane) return;
      this.#writable = true;
      this.#pump();
    });
    channel.on("close", () => {
      if (this.#lane !== lane) return;
      this.#lane = undefined;
      // The connection may still be there: what was published to a missing exchange ends its channel only.
      setImmediate(() => this.#openLane(session).catch(() => {}));
    });
    const before = this.#lane;
    this.#lane = lane;
    this.#writable = true;
    if (before !== undefined) this.#closeIfIdle(before);
    this.#pump();
  }

  #pump(): void {
    const lane = this.#lane;
    if (lane === undefined || this.#blocked !== undefined) return;
    const { channel } = lane;
    while (this.#writable && this.#underWay.size < this.#maxUnconfirmed && this.#next < this.#line.length) {
      const entry = this.#line[this.#next] as Entry;
      const { parcel } = entry;
      if (parcel.wanted?.() === false) {
        this.#next += 1;
        parcel.done("refused");
        continue;
      }
      const { exchange, routingKey, content, properties } = parcel;
      try {
        this.#writable = channel.publish(exchange, routingKey, content, properties, (error) =>
          this.#answered(entry, error),
        );
      } catch {
        // The channel ended within this turn and its `close` is to come: it was not sent.
        break;
      }
      this.#next += 1;
      entry.lane = lane;
      entry.returned = false;
      lane.underWay += 1;
      this.#underWay.add(entry);
    }
    if (this.#next === this.#line.length || this.#next > 4_096) {
      this.#line.splice(0, this.#next);
      this.#next = 0;
    }
  }

  #answered(entry: Entry, error: Error | null): void {
    const { lane, parcel } = entry;
    if (lane !== undefined) {
      lane.underWay -= 1;
      if (lane !== this.#lane) this.#closeIfIdle(lane);
    }
    // Given up before.
    if (!this.#underWay.delete(entry)) return;
    if (error === null) {
      this.#renewals = 0;
      parcel.done(entry.returned ? "returned" : "stored");
    } else if (error.message === "message nacked") this.#nacked(entry);
    else parcel.done("unknown", new BrokerUnavailableError("the connection to RabbitMQ ended before it answered"));
    this.#pump();
    this.#rest();
  }

  /** It is certain not to be stored. */
  #nacked(entry: Entry): void {
    const now = performance.now();
    if (entry.refusedUntil === 0) entry.refusedUntil = Math.min(now + REFUSED_MS, entry.parcel.deadline);
    if (now >= entry.refusedUntil || this.#closed) {
      entry.parcel.done("refused", new BrokerFullError("the queue is full, or RabbitMQ could not store the message"));
      return;
    }
    this.#refused.push(entry);
    this.#renewals += 1;
    this.#renewing ??= setTimeout(() => this.#renew(), backoff(this.#renewals, 10, MOST_WAIT_MS));
  }

  #renew(): void {
    this.#renewing = undefined;
    // They were first once.
    this.#line.splice(0, this.#next, ...this.#refused);
    this.#next = 0;
    this.#refused = [];
    const session = this.#session;
    if (session !== undefined) this.#openLane(session).catch(() => {});
  }

  #closeIfIdle(lane: Lane): void {
    if (lane.underWay === 0) lane.channel.close().catch(() => {});
  }

  /** The return of a message comes before its confirm. Rare: no index is kept for it. */
  #returned(lane: Lane, { fields, properties }: Message): void {
    for (const entry of this.#underWay) {
      const { parcel } = entry;
      const same =
        entry.lane === lane &&
        !entry.returned &&
        parcel.properties.messageId === properties.messageId &&
        parcel.routingKey === fields.routingKey;
      if (!same) continue;
      entry.returned = true;
      return;
    }
  }

  /** Gives up what is too late. */
  #look(now: number = performance.now()): void {
    for (const entry of this.#underWay) {
      if (entry.parcel.deadline > now) continue;
      this.#underWay.delete(entry);
      entry.parcel.done("unknown", this.#late());
    }
    this.#sift((entry) => {
      if (entry.parcel.deadline > now) return true;
      entry.parcel.done("refused", this.#late());
      return false;
    });
    this.#rest();
  }

  /** Keeps what waits and passes. */
  #sift(stays: (entry: Entry) => boolean): void {
    const waiting = this.#line.splice(0).slice(this.#next);
    this.#next = 0;
    for (const entry of waiting) if (stays(entry)) this.#line.push(entry);
    this.#refused = this.#refused.filter(stays);
  }

  #rest(): void {
    if (this.#busy) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
    for (const idle of this.#idle.splice(0)) idle();
  }

  #late(): LovageError {
    if (this.#closed) return new BrokerClosedError();
    if (this.#blocked !== undefined) return blockedError(this.#blocked);
    return new BrokerUnavailableError("RabbitMQ did not answer in time");
  }
}

function blockedError(reason: string): LovageError {
  return new BrokerBlockedError(
    `RabbitMQ holds publishers back (${reason}); free memory or disk space on its host, or let consumers catch up`,
  );
}
