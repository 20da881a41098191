import type { HeldConsumption } from "../brokers/index.ts";
import {
  type DeadLetterReason,
  type Headers,
  type Message,
  type QueueDepth,
  type QueueSettings,
  redrivenHeaders,
} from "../contracts/index.ts";
import { Alarm } from "./alarm.ts";
import type { Clock } from "./clock.ts";
import { DeadLetters } from "./dead-letters.ts";
import { Entry } from "./entry.ts";
import { handOut } from "./hand-out.ts";
import { Heap } from "./heap.ts";
import type { MemoryFeed } from "./memory-consumption.ts";
import { ReadyMessages } from "./ready-messages.ts";

/** What a queue needs of its server: the clock, and to be told when a message is gone. */
export interface QueueHost {
  readonly clock: Clock;
  /** The message is no longer anywhere: its id may be published again. */
  gone(entry: Entry): void;
  isRevoked(id: string): boolean;
}

/**
 * One queue: where each message is, and the moves between the places. Every move is a synchronous step, so each is atomic from
 * outside, and an entry is in exactly one place: ready, delayed, owned (ordered by the end of the lease) or dead.
 */
export class MemoryQueue {
  readonly name: string;
  settings: QueueSettings;
  readonly feeds: Set<MemoryFeed> = new Set();
  readonly dead: DeadLetters = new DeadLetters();
  readonly #host: QueueHost;
  readonly #ready = new ReadyMessages();
  readonly #delayed = new Heap<Entry>((a, b) => a.at < b.at || (a.at === b.at && a.position < b.position));
  readonly #owned = new Heap<Entry>((a, b) => a.at < b.at);
  readonly #alarm: Alarm;
  readonly #deadAlarm: Alarm;
  #lastPosition = 0;
  #paused = false;
  #turn: NodeJS.Immediate | undefined;

  constructor(name: string, settings: QueueSettings, host: QueueHost) {
    this.name = name;
    this.settings = settings;
    this.#host = host;
    this.#alarm = new Alarm(host.clock, () => this.wake(), { keepAlive: true });
    this.#deadAlarm = new Alarm(host.clock, () => this.trimDead(), { keepAlive: false });
  }

  // The moves. Each leaves the entry in one new place.

  /** A new message: ready, or delayed if it is due later. */
  add(message: Message, dueAt: number | undefined): Entry {
    const entry = new Entry(message);
    entry.position = ++this.#lastPosition;
    if (dueAt !== undefined && dueAt > this.#now()) this.#delay(entry, dueAt);
    else this.#append(entry);
    return entry;
  }

  /** The next ready message becomes this consumption's, for a lease. False when there is none. */
  take(consumption: HeldConsumption<Entry>, now: number): boolean {
    const entry = this.#ready.shift();
    if (entry === undefined) return false;
    entry.deliveryCount += 1;
    entry.state = "owned";
    this.#lease(entry, now);
    const { message, deliveryCount, starts, at: leaseExpiresAt } = entry;
    entry.holder = consumption.take({ message, claim: entry, deliveryCount, starts, leaseExpiresAt });
    return true;
  }

  renew(entry: Entry): void {
    this.#owned.remove(entry);
    this.#lease(entry, this.#now());
  }

  ack(entry: Entry): void {
    this.#owned.remove(entry);
    this.#end(entry);
  }

  /** Back to its old place, unless it was revoked meanwhile. */
  giveBack(entry: Entry): void {
    this.#owned.remove(entry);
    entry.holder = undefined;
    if (this.#host.isRevoked(entry.message.id)) {
      this.#end(entry);
      return;
    }
    entry.state = "ready";
    entry.at = this.#now();
    this.#ready.giveBack(entry);
    this.wake();
  }

  /** Another attempt: a new place at the end, after the delay. */
  requeue(entry: Entry, delayMs: number, headers: Headers | undefined): void {
    this.#owned.remove(entry);
    entry.holder = undefined;
    if (this.#host.isRevoked(entry.message.id)) {
      this.#end(entry);
      return;
    }
    if (headers !== undefined) entry.message = { ...entry.message, headers: { ...headers } };
    entry.starts = 0;
    entry.position = ++this.#lastPosition;
    if (delayMs > 0) this.#delay(entry, this.#now() + delayMs);
    else this.#append(entry);
  }

  deadLetter(entry: Entry, reason: DeadLetterReason): void {
    this.#owned.remove(entry);
    entry.holder = undefined;
    entry.state = "dead";
    entry.at = this.#now();
    entry.reason = { ...reason };
    this.dead.add(entry);
    this.trimDead();
  }

  /** Ready again as if new: the attempts and starts of its headers, and the broker's own counts, begin anew. */
  redrive(entry: Entry): void {
    this.dead.remove(entry);
    entry.message = { ...entry.message, headers: redrivenHeaders(entry.message.headers) };
    entry.reason = undefined;
    entry.starts = 0;
    entry.deliveryCount = 0;
    entry.position = ++this.#lastPosition;
    this.#append(entry);
  }

  dropDead(entry: Entry): void {
    this.dead.remove(entry);
    this.#end(entry);
  }

  /** Revocation: a waiting message is gone at once; an owned one stays with its holder and is dropped if it would become ready. */
  removeWaiting(entry: Entry): boolean {
    if (entry.state === "ready") this.#ready.remove(entry);
    else if (entry.state === "delayed") this.#delayed.remove(entry);
    else return false;
    this.#end(entry);
    return true;
  }

  purge(delayed: boolean): number {
    let removed = 0;
    for (const entry of [...this.#ready, ...(delayed ? this.#delayed.values() : [])]) {
      if (this.removeWaiting(entry)) removed += 1;
    }
    return removed;
  }

  /** Everything ends, whoever holds it; the holders are told through their deliveries. Says what there was. */
  destroy(): QueueDepth {
    const depth = this.depth();
    this.purge(true);
    for (const entry of [...this.#owned.values()]) {
      const { holder } = entry;
      this.ack(entry);
      holder?.lose();
    }
    for (const entry of this.dead) this.dropDead(entry);
    this.suspend();
    return depth;
  }

  // Looking.

  depth(): QueueDepth {
    this.#catchUp(this.#now());
    return {
      ready: this.#ready.size,
      delayed: this.#delayed.size,
      owned: this.#owned.size,
      dead: this.dead.size,
      paused: this.#paused,
    };
  }

  oldestReadyAge(): number | undefined {
    this.#catchUp(this.#now());
    const oldest = this.#ready.oldestAt();
    return oldest === undefined ? undefined : Math.max(0, this.#now() - oldest);
  }

  // Time, and handing out.

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.wake();
  }

  /**
   * Has a turn soon: once per round of the event loop, however often it is asked, so that what a tick publishes and the credit that a
   * tick frees are handed out as batches. It runs after the timers of the round, so that a holder whose loop was blocked for longer
   * than its lease renews before anything lapses.
   */
  wake(): void {
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      const now = this.#now();
      this.#catchUp(now);
      if (!this.#paused && this.#ready.size > 0) handOut(this, now);
    });
  }

  /** While no broker is connected there is no timer; what fell due meanwhile is caught up with here. */
  proceed(): void {
    this.#setAlarm();
    this.trimDead();
    this.wake();
  }

  suspend(): void {
    this.#alarm.silence();
    this.#deadAlarm.silence();
    clearImmediate(this.#turn);
    this.#turn = undefined;
  }

  /** At most `maxDead` dead letters, none older than the retention; the oldest go first. */
  trimDead(): void {
    const { maxDead, deadRetentionMs } = this.settings;
    for (let oldest = this.dead.oldest; oldest !== undefined; oldest = this.dead.oldest) {
      const keptUntil = oldest.at + deadRetentionMs;
      if (this.dead.size <= maxDead && keptUntil > this.#now()) {
        this.#deadAlarm.by(keptUntil);
        return;
      }
      this.dropDead(oldest);
    }
  }

  /** What is due becomes ready, in order of its due time; what nobody renewed becomes ready again in its old place. */
  #catchUp(now: number): void {
    for (let due = this.#delayed.peek(); due !== undefined && due.at <= now; due = this.#delayed.peek()) {
      this.#delayed.remove(due);
      due.position = ++this.#lastPosition;
      this.#append(due);
    }
    for (let lapsed = this.#owned.peek(); lapsed !== undefined && lapsed.at <= now; lapsed = this.#owned.peek()) {
      const { holder } = lapsed;
      this.giveBack(lapsed);
      holder?.lose();
    }
    this.#setAlarm();
  }

  #setAlarm(): void {
    const due = this.#delayed.peek();
    if (due !== undefined) this.#alarm.by(due.at);
    const lease = this.#owned.peek();
    if (lease !== undefined) this.#alarm.by(lease.at);
  }

  #append(entry: Entry): void {
    entry.state = "ready";
    entry.at = this.#now();
    this.#ready.append(entry);
    this.wake();
  }

  #delay(entry: Entry, dueAt: number): void {
    entry.state = "delayed";
    entry.at = dueAt;
    this.#delayed.push(entry);
    this.#alarm.by(dueAt);
  }

  #lease(entry: Entry, now: number): void {
    entry.at = now + this.settings.leaseMs;
    if (entry.holder !== undefined) entry.holder.leaseExpiresAt = entry.at;
    this.#owned.push(entry);
    this.#alarm.by(entry.at);
  }

  #end(entry: Entry): void {
    entry.state = "gone";
    entry.holder = undefined;
    this.#host.gone(entry);
  }

  #now(): number {
    return this.#host.clock.now();
  }
}
