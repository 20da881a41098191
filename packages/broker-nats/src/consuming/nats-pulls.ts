import type { NatsLink } from "../connection/nats-link.ts";
import type { NatsMessage, NatsSubscription } from "../connection/nats-port.ts";
import { nanos } from "../queues/nats-streams.ts";
import type { DeadPulls } from "./nats-dead-pulls.ts";
import type { Source } from "./nats-source.ts";

export interface PullsOptions {
  readonly stream: string;
  readonly consumer: string;
  readonly deadPulls: DeadPulls;
  readonly leaseMs: () => number;
  /** Of a message that was pulled. `askedAt`: it was not sent before, by our wall clock. */
  readonly onMessage: (message: NatsMessage, askedAt: number) => void;
  /** The server knows of a pull: this is how far it has given out what the consumer has. */
  readonly onHeartbeat: (given: { readonly seq: number; readonly consumerSeq: number }) => void;
  /** All that was asked for is void: the consumer is gone, or nothing is heard of it. */
  readonly onTrouble: (reason: string) => void;
  /** A pull has run out with something still to come: a good moment to look whether nothing came because there was nothing. */
  readonly onIdle: () => void;
}

const MOST_MS = 30_000;
const LEAST_MS = 1_000;
const HEARTBEAT_MS = 2_000;
const SILENCE_MS = 5_500;
/** Of the first pulls of a round: a server that has just started may swallow them, and consuming is to go on within a second. */
const FIRST = { expiresMs: 2_000, heartbeatMs: 200, silenceMs: 700 } as const;

/**
 * How long a pull may wait. A process that stands still goes on taking messages by the pulls that it has open, and each is out of reach for a
 * lease: so they are over before that, and no message meets the same one twice.
 */
export function patienceOf(leaseMs: number): { readonly expiresMs: number; readonly heartbeatMs: number } {
  const expiresMs = Math.min(MOST_MS, Math.max(LEAST_MS, leaseMs / 3));
  // The server wants two within a pull.
  return { expiresMs, heartbeatMs: Math.min(HEARTBEAT_MS, expiresMs / 3) };
}

/** What a reply inbox stands for: pulls that are asked through it can be called off together. */
interface Round {
  readonly inbox: string;
  readonly heard: NatsSubscription;
  /** Messages asked for and not arrived, of all pulls of this round. */
  outstanding: number;
  pulls: number;
  /** When the first of those that have not ended was asked, by the wall clock. */
  askedAt: number;
  /** 0: nothing yet. */
  heardAt: number;
  lastAskedAt: number;
  /** When the last of them has run out. */
  endsAt: number;
}

/**
 * Long polls on one consumer, for exactly as many messages as are wanted: what is outstanding is what may still arrive. The server says when
 * a pull has ended and how much of it was left, and every two seconds or sooner that it still knows of it; when it is silent, this says so.
 */
export class Pulls implements Source {
  readonly #link: NatsLink;
  readonly #options: PullsOptions;
  #round: Round | undefined;
  #next = 0;
  #watch: NodeJS.Timeout | undefined;
  #calledOff: Promise<void> = Promise.resolve();

  constructor(link: NatsLink, options: PullsOptions) {
    this.#link = link;
    this.#options = options;
  }

  get outstanding(): number {
    return this.#round?.outstanding ?? 0;
  }

  /** Asks for `batch` more. */
  ask(batch: number): void {
    const { stream, consumer } = this.#options;
    this.#round ??= this.#begin();
    const round = this.#round;
    round.outstanding += batch;
    round.pulls += 1;
    if (round.pulls === 1) round.askedAt = Date.now();
    round.lastAskedAt = performance.now();
    const first = round.heardAt === 0;
    if (!first && round.pulls === 1) round.heardAt = round.lastAskedAt;
    const { expiresMs, heartbeatMs } = first ? FIRST : patienceOf(this.#options.leaseMs());
    round.endsAt = Math.max(round.endsAt, round.lastAskedAt + expiresMs);
    const body = { batch, expires: nanos(expiresMs), idle_heartbeat: nanos(heartbeatMs) };
    const reply = `${round.inbox}.${(this.#next++).toString(36)}`;
    this.#link.say(
      `${this.#link.apiPrefix}.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
      JSON.stringify(body),
      undefined,
      reply,
    );
    this.#watch ??= setInterval(() => this.#look(), HEARTBEAT_MS).unref();
  }

  callOff(): Promise<void> {
    const round = this.#end();
    if (round === undefined) return this.#calledOff;
    // Without a connection there is nobody to tell, and nothing can arrive.
    const ended = this.#link.connected
      ? round.heard.drain().catch(() => round.heard.unsubscribe())
      : Promise.resolve(round.heard.unsubscribe());
    this.#options.deadPulls.drop(this.#options);
    this.#calledOff = Promise.all([this.#calledOff, ended]).then(() => {});
    return this.#calledOff;
  }

  forget(): void {
    this.#end()?.heard.unsubscribe();
  }

  #begin(): Round {
    const box = this.#link.inbox();
    const heard = this.#link.hear(`${box}.*`, (message) => this.#heard(round, message));
    const round: Round = {
      inbox: box,
      heard,
      outstanding: 0,
      pulls: 0,
      askedAt: 0,
      heardAt: 0,
      lastAskedAt: 0,
      endsAt: 0,
    };
    setTimeout(() => {
      if (round === this.#round && round.heardAt === 0 && this.#link.connected) this.#fail("silence");
    }, FIRST.silenceMs).unref();
    return round;
  }

  #end(): Round | undefined {
    const round = this.#round;
    this.#round = undefined;
    clearInterval(this.#watch);
    this.#watch = undefined;
    return round;
  }

  #heard(round: Round, message: NatsMessage): void {
    const code = message.headers?.code ?? 0;
    round.heardAt = performance.now();
    if (message.reply && code === 0) {
      round.outstanding = Math.max(0, round.outstanding - 1);
      if (round.outstanding === 0) round.pulls = 0;
      this.#options.onMessage(message, round.askedAt);
      return;
    }
    if (code === 100) this.#heartbeat(message);
    // A status of a round that was called off changes nothing.
    if (round !== this.#round || code === 100) return;
    if (code === 408 || code === 404) this.#ranOut(round, message);
    else this.#fail(`${code} ${message.headers?.description ?? ""}`);
  }

  #heartbeat({ headers }: NatsMessage): void {
    const seq = Number(headers?.get("Nats-Last-Stream") || Number.NaN);
    const consumerSeq = Number(headers?.get("Nats-Last-Consumer") || Number.NaN);
    if (!Number.isNaN(seq + consumerSeq)) this.#options.onHeartbeat({ seq, consumerSeq });
  }

  #ranOut(round: Round, { headers }: NatsMessage): void {
    const left = Number(headers?.get("Nats-Pending-Messages") || Number.NaN);
    round.pulls = Math.max(0, round.pulls - 1);
    // An older server does not say how much of it was left: then all are asked anew.
    if (Number.isNaN(left)) round.outstanding = 0;
    else round.outstanding = Math.max(0, round.outstanding - left);
    if (round.outstanding === 0) round.pulls = 0;
    this.#options.onIdle();
  }

  #look(): void {
    const round = this.#round;
    if (round === undefined || round.outstanding === 0 || !this.#link.connected) return;
    const now = performance.now();
    if (now - round.heardAt > SILENCE_MS) this.#fail("silence");
    // All have run out by now, whatever was said of them.
    else if (now - round.endsAt > SILENCE_MS) this.#fail("pulls that did not end");
  }

  #fail(reason: string): void {
    void this.callOff();
    this.#options.onTrouble(reason);
  }
}
