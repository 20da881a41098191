import { setTimeout } from "node:timers/promises";
import { type Message, QueueNotFoundError } from "@lovage/core/contracts";
import type { Link } from "../connection/rabbitmq-link.ts";
import type { Unsettled } from "../consuming/rabbitmq-unsettled.ts";
import type { Journal } from "../queues/rabbitmq-journal.ts";
import { exists } from "../queues/rabbitmq-record-stream.ts";
import { type Layout, rungOf, YOUNG_MS } from "../queues/rabbitmq-topology.ts";
import { type Envelope, envelope, type Marks } from "./rabbitmq-envelope.ts";
import { firstStep, LEVELS, raiseLadder } from "./rabbitmq-ladder.ts";
import type { Fate, Parcel, Publisher } from "./rabbitmq-publisher.ts";

type Terms = Pick<Parcel, "deadline" | "done" | "patient" | "wanted">;

/** Where messages are put: into a queue, into the ladder, or among the dead letters. */
export class Store {
  readonly #publisher: Publisher;
  readonly #journal: Journal;
  readonly #layout: Layout;
  readonly #link: Link;
  #ladder: Promise<void> | undefined;

  /** `link`: the one that may declare. */
  constructor(publisher: Publisher, journal: Journal, layout: Layout, link: Link) {
    this.#publisher = publisher;
    this.#journal = journal;
    this.#layout = layout;
    this.#link = link;
  }

  /** Where nobody has used the ladder before, it takes a second until it outlives a crash: better now than when somebody waits. */
  async prepare(): Promise<void> {
    if (await exists(await this.#link.whenUp(), this.#layout.level(LEVELS - 1))) return;
    await this.#raised();
    await setTimeout(YOUNG_MS);
  }

  /** The ladder must be looked at again before the next use: the server was away, or said that part of it is missing. */
  ladderMayBeGone(): void {
    this.#ladder = undefined;
  }

  put(queue: string, content: Envelope, terms: Terms): void {
    const rung = rungOf(content.properties.priority as number, this.#journal.bands(queue));
    this.#publisher.send({ ...content, ...terms, exchange: "", routingKey: this.#layout.ready(queue, rung) });
  }

  /** Among `queue`'s dead letters, as its settings are now. */
  bury(queue: string, content: Envelope, terms: Terms): void {
    const settings = this.#journal.settings(queue);
    if (settings === undefined) terms.done("returned");
    else this.#publisher.send({ ...content, ...terms, exchange: "", routingKey: this.#layout.dead(queue, settings) });
  }

  /** Rejects when it was not sent: the queue is unknown, or the ladder cannot be raised. */
  async delay(message: Message, queue: string, dueAt: number, terms: Terms, marks: Marks = {}): Promise<void> {
    await Promise.all([this.#known(queue), this.#raised()]);
    const content = envelope(message, { ...marks, due: dueAt, seen: this.#journal.position });
    const rung = rungOf(content.properties.priority as number, this.#journal.bands(queue));
    const { exchange, routingKey } = firstStep(this.#layout, queue, dueAt - Date.now(), rung);
    this.#publisher.send({ ...content, ...terms, exchange, routingKey });
  }

  /**
   * As {@link put}, {@link bury} and {@link delay}, as a promise, for copies that settlements make: they wait for an alarm to end, unless the
   * original was taken from us meanwhile. Then it is with somebody else, and a copy would be one too many.
   */
  copy(send: (terms: Terms) => Promise<void> | void, timeoutMs: number, original?: Unsettled): Promise<Fate> {
    return new Promise((resolve, reject) => {
      const deadline = performance.now() + timeoutMs;
      const terms: Terms = { deadline, patient: true, wanted: () => original?.ended !== true, done: resolve };
      Promise.resolve(send(terms)).catch(reject);
    });
  }

  /** The end of the ladder drops what is for nobody without a word, so it must not enter. */
  async #known(queue: string): Promise<void> {
    if ((await this.#journal.find(queue)) === undefined) throw new QueueNotFoundError(queue);
  }

  async #raised(): Promise<void> {
    this.#ladder ??= this.#link.withChannel((channel) => raiseLadder(channel, this.#layout));
    const raised = this.#ladder;
    try {
      await raised;
    } catch (error) {
      if (this.#ladder === raised) this.#ladder = undefined;
      throw error;
    }
  }
}
