import { backoff, byKind, type DeliveryRequest, Gathering, type RequestSink } from "@lovage/core/brokers";
import { BrokerClosedError, DEFAULT_LEASE_MS } from "@lovage/core/contracts";
import type { RedisFeed } from "./redis-consumption.ts";
import { LinkError } from "./redis-errors.ts";
import { allKeys, type QueueKeys } from "./redis-layout.ts";
import type { RedisLink } from "./redis-link.ts";
import { TURN } from "./scripts/turn.ts";

/** The proof of ownership: see `redis-layout.ts`. */
export type RedisClaim = string;
type Request = DeliveryRequest<RedisClaim>;

/** Bounds one script and one hand-over; also what Lua's `unpack` takes with room to spare. */
const MOST = 1_000;
const LEAST_PATIENCE_MS = 1_000;
const MOST_PATIENCE_MS = 5_000;

/** `lease in ms, ms until something falls due, nothing more to claim, not ours, claims and envelopes, starts`. */
type TurnAnswer = readonly [number, number, 0 | 1, readonly number[], readonly string[], readonly number[]];

export interface TurnsHost {
  readonly link: RedisLink;
  /** Of this connection, in every queue. */
  readonly session: string;
  /** Whether the queue wants to be woken may have changed. */
  interestChanged(turns: QueueTurns): void;
  /** Something was there of which nobody had given a sign. */
  missed(turns: QueueTurns): void;
  /** It failed with something that waiting alone may not mend. It is tried again in any case. */
  trouble(error: unknown): void;
}

/**
 * What this connection does with one queue: settlements and claims of one tick leave as one script, one at a time, so that under load batches grow by
 * themselves. A turn whose answer was lost is asked again, under its number, until it has one or the broker closes.
 *
 * idle → (something asked, a feed wants more) under way → idle. Its feeds are hungry, full, or exhausted (the server had nothing more).
 */
export class QueueTurns implements RequestSink<RedisClaim> {
  readonly queue: string;
  readonly keys: QueueKeys;
  readonly feeds: Set<RedisFeed> = new Set();
  readonly #host: TurnsHost;
  readonly #keyList: readonly string[];
  readonly #gathering = new Gathering<RedisClaim>(() => this.schedule());
  readonly #idle: (() => void)[] = [];
  #number = 0;
  #leaseMs = DEFAULT_LEASE_MS;
  #underWay: readonly Request[] | undefined;
  #flush: NodeJS.Immediate | undefined;
  #closed = false;

  constructor(queue: string, keys: QueueKeys, host: TurnsHost) {
    this.queue = queue;
    this.keys = keys;
    this.#host = host;
    this.#keyList = allKeys(keys);
  }

  ask(request: Request): void {
    this.#gathering.ask(request);
  }

  /** At the end of this round of the event loop, unless a turn is under way: then after it. */
  schedule(): void {
    if (this.#underWay !== undefined || this.#closed) return;
    this.#flush ??= setImmediate(() => {
      this.#flush = undefined;
      void this.#run();
    });
  }

  /** There may be something again: asked at once, because whoever published it waits for nothing else. */
  rouse(): void {
    for (const feed of this.feeds) feed.rouse();
    if (this.#underWay !== undefined || this.#closed) return;
    clearImmediate(this.#flush);
    this.#flush = undefined;
    void this.#run();
  }

  /** Somebody here could take more if there were something: worth being woken for. */
  get waits(): boolean {
    if (this.#underWay !== undefined) return false;
    for (const feed of this.feeds) if (feed.waits) return true;
    return false;
  }

  get used(): boolean {
    return this.#number > 0;
  }

  /** Resolves when no turn is under way or about to be. */
  async settled(): Promise<void> {
    if (this.#busy) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  close(): void {
    this.#closed = true;
    clearImmediate(this.#flush);
    this.#gathering.close();
    for (const request of this.#underWay ?? []) request.abandon();
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  get #busy(): boolean {
    return this.#underWay !== undefined || this.#flush !== undefined || this.#gathering.pending;
  }

  async #run(): Promise<void> {
    if (this.#underWay !== undefined) return;
    try {
      while (!this.#closed && (await this.#turn()));
    } catch (error) {
      // Closed meanwhile: what was asked is abandoned there.
      if (!(error instanceof BrokerClosedError)) throw error;
    }
    this.#underWay = undefined;
    if (this.#closed) return;
    // Asked since the last turn found nothing to do.
    if (this.#gathering.pending) this.schedule();
    else for (const resolve of this.#idle.splice(0)) resolve();
    this.#host.interestChanged(this);
  }

  /** False when there was nothing to do. */
  async #turn(): Promise<boolean> {
    const requests = this.#gathering.take(MOST);
    const hungry: RedisFeed[] = [];
    let limit = 0;
    let looks = false;
    let unexpected = true;
    for (const feed of this.feeds) {
      const wanted = feed.wanted();
      looks ||= feed.looks !== undefined;
      unexpected &&= wanted === 0 || feed.looks === "by itself";
      if (wanted === 0) continue;
      hungry.push(feed);
      limit += wanted;
    }
    if (requests.length === 0 && limit === 0 && !looks) return false;
    this.#underWay = requests;
    limit = Math.min(limit, MOST);
    this.#number += 1;
    const ordered = inOrder(requests);
    const args = [this.#host.session, this.#number, limit, ...ordered.args];
    const askedAt = Date.now();
    const answer = await this.#send(args);
    this.#underWay = [];
    this.#tell(answer, ordered.requests, hungry, askedAt, unexpected);
    return true;
  }

  /** Again and again, until there is an answer. `false`: there is no such queue. */
  async #send(args: readonly (string | number)[]): Promise<TurnAnswer | false> {
    const { link } = this.#host;
    for (let attempt = 1; ; attempt += 1) {
      await link.whenUp();
      if (this.#closed) throw new BrokerClosedError();
      try {
        const answer = (await this.#inTime(link.run(TURN, this.#keyList, args))) as TurnAnswer | null | 0;
        if (answer === 0) throw new Error(`turn ${this.#number} of queue "${this.queue}" was overtaken by a later one`);
        return answer ?? false;
      } catch (error) {
        if (this.#closed) throw new BrokerClosedError();
        if (!(error instanceof LinkError)) this.#host.trouble(error);
        // A new connection is worth trying at once.
        if (link.connection !== undefined)
          await new Promise((resolve) => setTimeout(resolve, backoff(attempt, 25, 500)));
      }
    }
  }

  /**
   * A link on which nothing passes must be given up while the leases are still ours: they are renewed with two thirds left. To ask again costs
   * nothing, so a server that is only slow is not harmed.
   */
  async #inTime<T>(answer: Promise<T>): Promise<T> {
    const { link } = this.#host;
    const { connection } = link;
    const patienceMs = Math.min(Math.max(this.#leaseMs / 3, LEAST_PATIENCE_MS), MOST_PATIENCE_MS);
    let answered = false;
    const late = setTimeout(() => {
      // After a standstill of our own, the answer may be here and not read yet.
      setImmediate(() => {
        if (!answered) link.fail(new Error(`no answer within ${Math.round(patienceMs)} ms`), connection);
      });
    }, patienceMs);
    try {
      return await answer;
    } finally {
      answered = true;
      clearTimeout(late);
    }
  }

  #tell(
    answer: TurnAnswer | false,
    requests: readonly Request[],
    hungry: readonly RedisFeed[],
    askedAt: number,
    unexpected: boolean,
  ): void {
    if (this.#closed) return;
    if (answer === false) {
      for (const request of requests) request.answer("lost");
      for (const feed of [...this.feeds]) feed.consumption.queueLost();
      return;
    }
    const [leaseMs, nextMs, full, lost, claimed, starts] = answer;
    this.#leaseMs = leaseMs;
    for (const feed of this.feeds) feed.consumption.leaseMs = leaseMs;
    // New work is on its way before hundreds of callers hear of what is done.
    this.#handOut(claimed, starts, hungry, askedAt + leaseMs);
    if (lost.length === 0) for (const request of requests) request.answer("done");
    else {
      const notOurs = new Set(lost);
      for (const [position, request] of requests.entries()) request.answer(notOurs.has(position) ? "lost" : "done");
    }
    for (const feed of this.feeds) feed.answered(leaseMs, nextMs, full === 1);
    if (unexpected && claimed.length > 0 && starts.length === 0) this.#host.missed(this);
  }

  /** To each as much as it wanted, in turns of who is first. */
  #handOut(
    claimed: readonly string[],
    starts: readonly number[],
    hungry: readonly RedisFeed[],
    expiresAt: number,
  ): void {
    let next = 0;
    let feed = hungry[0];
    let left = feed?.asked ?? 0;
    let at = 0;
    for (let index = 0; index < claimed.length; index += 2) {
      while (left === 0 && next + 1 < hungry.length) {
        next += 1;
        feed = hungry[next];
        left = feed?.asked ?? 0;
      }
      left -= 1;
      const again = feed?.take(claimed[index] as string, claimed[index + 1] as string, starts[at], expiresAt);
      if (again) at += 1;
    }
    for (const each of hungry) each.handOver(expiresAt);
    const first = hungry[0];
    if (hungry.length > 1 && first !== undefined && this.feeds.delete(first)) this.feeds.add(first);
  }
}

/** The counts and arguments of the script, and the requests in its order: renewals first, so that what is renewed and settled at once is settled while it is ours. */
function inOrder(requests: readonly Request[]): { args: (string | number)[]; requests: readonly Request[] } {
  if (requests.length === 0) return { args: [0, 0, 0, 0, 0, 0, 0], requests };
  const { renew, markStarted, ack, release, requeue, deadLetter, checkLease } = byKind(requests);
  const args: (string | number)[] = [
    renew.length,
    markStarted.length,
    ack.length,
    release.length,
    requeue.length,
    deadLetter.length,
    checkLease.length,
  ];
  for (const { claim } of renew) args.push(claim);
  for (const { claim } of markStarted) args.push(claim);
  for (const { claim } of ack) args.push(claim);
  for (const { claim, marks } of release) args.push(claim, marks);
  for (const { claim, delayMs, headers } of requeue) {
    args.push(claim, delayMs, headers === undefined ? "" : JSON.stringify(headers));
  }
  for (const { claim, reason } of deadLetter) args.push(claim, JSON.stringify(reason));
  for (const { claim } of checkLease) args.push(claim);
  return { args, requests: [...renew, ...markStarted, ...ack, ...release, ...requeue, ...deadLetter, ...checkLease] };
}
