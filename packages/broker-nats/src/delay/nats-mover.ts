import { bandOf } from "@lovage/core/brokers";
import type { Ghosts } from "../aftermath/nats-ghosts.ts";
import type { NatsLink } from "../connection/nats-link.ts";
import type { NatsSubscription } from "../connection/nats-port.ts";
import { decode, encode, parseBlock } from "../publishing/nats-envelope.ts";
import type { Publisher } from "../publishing/nats-publisher.ts";
import type { Bucket } from "../queues/nats-bucket.ts";
import { dueOf, type Layout, WINDOW_MS } from "../queues/nats-layout.ts";
import type { Queues } from "../queues/nats-queues.ts";
import type { Streams } from "../queues/nats-streams.ts";
import { Agenda, type Due } from "./nats-agenda.ts";
import { Election } from "./nats-election.ts";
import { Overdue } from "./nats-overdue.ts";
import { Recent } from "./nats-recent.ts";

export interface MoverOptions {
  readonly link: NatsLink;
  readonly layout: Layout;
  readonly streams: Streams;
  readonly queues: Queues;
  readonly publisher: Publisher;
  readonly bucket: Bucket;
  readonly ghosts: Ghosts;
  /** The server may bring back what it had removed. */
  readonly forgetsRemovals: boolean;
}

const AT_ONCE = 100;
const AGAIN_MS = 1_000;
/** What is due is looked through again now and then: an announcement may have been lost. */
const WINDOWS_BETWEEN_FULL_LOOKS = 60;

/**
 * Where the server has no schedules: one connection of all that consume is elected to make delayed messages ready when they are due. It copies
 * each to its queue under a name made of its place, then removes it. A crash between the two leaves one that is copied again under that name,
 * and the server keeps one of both.
 *
 * It holds the places (subjects) of what is due within the next window of ten seconds, and no message: windows are listed by the server as
 * they come near, and what is published for the window at hand is announced by it.
 */
export class Mover {
  readonly #options: MoverOptions;
  readonly #election: Election;
  readonly #agenda = new Agenda();
  readonly #overdue: Overdue;
  /** Queues that may have something beyond the agenda. */
  readonly #later = new Set<string>();
  /** Where the copy of each place went. */
  readonly #moved = new Recent<string, number>();
  #active = false;
  #heard: NatsSubscription | undefined;
  #alarm: NodeJS.Timeout | undefined;
  #turn: NodeJS.Timeout | undefined;
  /** Up to where windows were listed. */
  #horizon = 0;
  #windows = 0;
  #moving: Promise<void> | undefined;
  readonly #leave: () => void;

  constructor(options: MoverOptions) {
    this.#options = options;
    this.#overdue = new Overdue(options);
    this.#election = new Election(
      options.bucket,
      () => this.#begin(),
      () => this.#pause(),
    );
    this.#leave = options.link.onUp(() => this.#active && void this.#lookThrough());
  }

  /** Ready to be elected, from when this connection consumes. */
  stand(): void {
    this.#election.stand();
  }

  async end(): Promise<void> {
    this.#leave();
    this.#pause();
    await this.#moving;
    await this.#election.end();
  }

  #begin(): void {
    const { link, layout } = this.#options;
    this.#active = true;
    this.#heard = link.hear(layout.announced("*"), ({ subject }) => {
      const place = layout.announcedPlace(subject);
      if (place === undefined) return;
      if (place.dueAt < this.#horizon) {
        this.#agenda.add(place, place.dueAt);
        this.#schedule();
      } else this.#later.add(place.queue);
    });
    void this.#lookThrough();
  }

  #pause(): void {
    this.#active = false;
    this.#heard?.unsubscribe();
    clearTimeout(this.#alarm);
    clearTimeout(this.#turn);
    this.#agenda.clear();
    this.#later.clear();
  }

  /** All that is due before the horizon, of all queues: after being elected, and after a reconnect. */
  async #lookThrough(): Promise<void> {
    const { ghosts, layout, queues } = this.#options;
    clearTimeout(this.#turn);
    this.#windows = 0;
    // Far enough that the list of the window after it is there in time, though this one takes a while.
    this.#horizon = windowEnd(Date.now() + WINDOW_MS / 2);
    await this.#all([
      ghosts.layAll(),
      ...queues.names().map((queue) => this.#list(queue, (since) => layout.delayedBefore(queue, since, this.#horizon))),
      this.#overdue.lookThrough(),
    ]);
    this.#nextTurn();
  }

  /** The next window comes near. */
  async #turnTo(): Promise<void> {
    const { layout } = this.#options;
    this.#windows += 1;
    if (this.#windows >= WINDOWS_BETWEEN_FULL_LOOKS) return this.#lookThrough();
    const from = this.#horizon;
    this.#horizon += WINDOW_MS;
    const queues = [...this.#later];
    this.#later.clear();
    const lists = queues.map((queue) => this.#list(queue, () => [`${layout.delayedWindow(queue, from)}.>`]));
    await this.#all([...lists, this.#overdue.look()]);
    this.#nextTurn();
  }

  /** Half a window before it begins, so that its list is there in time. */
  #nextTurn(): void {
    if (!this.#active) return;
    clearTimeout(this.#turn);
    const wait = Math.max(0, this.#horizon - WINDOW_MS / 2 - Date.now());
    this.#turn = setTimeout(() => void this.#turnTo(), wait).unref();
  }

  /** `filters`: by when the first that is there was stored. */
  async #list(queue: string, filters: (since: number) => readonly string[]): Promise<void> {
    const { layout, streams } = this.#options;
    const stream = layout.delayStream(queue);
    const info = await streams.info(stream);
    if (info === undefined || info.state.messages === 0) return;
    this.#later.add(queue);
    for (const filter of filters(Date.parse(info.state.first_ts))) {
      for await (const page of streams.subjects(stream, filter)) {
        for (const subject of Object.keys(page)) {
          const dueAt = dueOf(subject);
          if (dueAt !== undefined && dueAt < this.#horizon) this.#agenda.add({ queue, subject }, dueAt);
        }
        if (!this.#active) return;
        this.#schedule();
      }
    }
  }

  /** What cannot be listed now is listed with the next turn. */
  async #all(lists: readonly Promise<void>[]): Promise<void> {
    const failed = (await Promise.allSettled(lists)).some(({ status }) => status === "rejected");
    if (failed) this.#windows = WINDOWS_BETWEEN_FULL_LOOKS;
  }

  #schedule(): void {
    if (!this.#active || this.#moving !== undefined) return;
    const { next } = this.#agenda;
    clearTimeout(this.#alarm);
    if (next === undefined) return;
    this.#alarm = setTimeout(
      () => {
        this.#moving ??= this.#moveDue().finally(() => {
          this.#moving = undefined;
          this.#schedule();
        });
      },
      Math.max(0, next - Date.now()),
    ).unref();
  }

  async #moveDue(): Promise<void> {
    const due = [...this.#agenda.take(Date.now())];
    const workers = Array.from({ length: Math.min(AT_ONCE, due.length) }, async () => {
      for (let next = due.shift(); next !== undefined && this.#active; next = due.shift()) await this.#move(next);
    });
    await Promise.all(workers);
  }

  /** What is stored is stored in order: a server that was killed and knows of later places has had this one too. */
  async #kept(queue: string, seq: number): Promise<boolean> {
    const info = await this.#options.streams.info(this.#options.layout.readyStream(queue));
    return info !== undefined && info.state.last_seq >= seq;
  }

  async #move(due: Due): Promise<void> {
    const { layout, streams, queues, publisher, forgetsRemovals } = this.#options;
    const { queue, subject } = due;
    const stream = layout.delayStream(queue);
    try {
      const known = queues.known(queue);
      if (known === undefined) return;
      const stored = await streams.message(stream, { last_by_subj: subject });
      // Revoked, purged, or moved by another who was elected before.
      if (stored === undefined) return;
      const place = `${queue}:${stored.seq}:${stored.time}`;
      const copiedTo = this.#moved.get(place);
      // The server was killed and has it again. Its copy may be done by now, and then nothing else would tell.
      if (copiedTo !== undefined && (await this.#kept(queue, copiedTo))) {
        await streams.deleteMessage(stream, stored.seq);
        return;
      }
      const headers = parseBlock(Buffer.from(stored.hdrs ?? "", "base64"));
      const travelling = decode(Buffer.from(stored.data ?? "", "base64"), headers, subject);
      const { id, priority } = travelling.message;
      const encoded = encode(travelling, { "Nats-Msg-Id": `${id}:due:${stored.seq}` });
      const target = layout.ready(queue, bandOf(priority, known.settings.bands));
      const note = forgetsRemovals ? (seq: number): void => this.#moved.set(place, seq) : undefined;
      const { status } = await publisher.storeAs(queue, target, encoded, id, note);
      if (status === "accepted" || status === "duplicate") await streams.deleteMessage(stream, stored.seq);
      else this.#agenda.add(due, Date.now() + AGAIN_MS);
    } catch {
      // It stays where it is, and is tried again.
      if (this.#active) this.#agenda.add(due, Date.now() + AGAIN_MS);
    }
  }
}

function windowEnd(now: number): number {
  return (Math.floor(now / WINDOW_MS) + 1) * WINDOW_MS;
}
