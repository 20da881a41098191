import { setTimeout } from "node:timers/promises";
import type { Calls } from "@lovage/core/brokers";
import {
  BrokerUnavailableError,
  type DeadLetter,
  type QueueAdmin,
  type QueueDeclaration,
  type QueueDepth,
  QueueNotFoundError,
  type QueueSettings,
  queueSettings,
  type RevokeOutcome,
} from "@lovage/core/contracts";
import type { Channel } from "amqplib";
import type { Link } from "../connection/rabbitmq-link.ts";
import type { Management } from "../management/rabbitmq-management.ts";
import { duePattern } from "../publishing/rabbitmq-ladder.ts";
import type { Store } from "../publishing/rabbitmq-store.ts";
import { isMissing, rabbitMqError } from "../rabbitmq-errors.ts";
import { DeadLetters } from "./rabbitmq-dead-letters.ts";
import type { Journal } from "./rabbitmq-journal.ts";
import { type Layout, rungs } from "./rabbitmq-topology.ts";

export interface AdminOptions {
  readonly link: Link;
  readonly layout: Layout;
  readonly journal: Journal;
  readonly store: Store;
  /** Of a queue that is declared, unless it has more. */
  readonly bands: number;
  readonly management: Management | undefined;
  readonly timeoutMs: number;
  /** Whether a consumption of this connection holds the message. */
  holds(id: string): boolean;
}

export class RabbitMqAdmin implements Calls<QueueAdmin> {
  readonly #link: Link;
  readonly #layout: Layout;
  readonly #journal: Journal;
  readonly #letters: DeadLetters;
  readonly #bands: number;
  readonly #management: Management | undefined;
  readonly #holds: (id: string) => boolean;

  constructor({ link, layout, journal, store, bands, management, timeoutMs, holds }: AdminOptions) {
    this.#link = link;
    this.#bands = bands;
    this.#layout = layout;
    this.#journal = journal;
    this.#letters = new DeadLetters({ link, layout, journal, store, timeoutMs });
    this.#management = management;
    this.#holds = holds;
  }

  async ensureQueue(declaration: QueueDeclaration): Promise<void> {
    const { name } = declaration;
    // What is wrong with it is said before anything is asked.
    queueSettings(declaration);
    const present = await this.#journal.find(name);
    const settings = queueSettings(declaration, present);
    const bandsBefore = this.#journal.bands(name);
    const bands = Math.max(this.#bands, bandsBefore);
    // The journal last: who reads of a band finds its queue, and may rely on what it confirms.
    await this.#declare(name, settings, bands);
    if (present !== undefined && bands > bandsBefore) await setTimeout(this.#layout.newQueueMs);
    if (present === undefined || !same(present, settings) || bands > bandsBefore)
      await this.#journal.declare(name, settings, bands);
    if (present !== undefined) await this.#letters.move(name, present, settings);
    const young = this.#journal.youngFor(name);
    if (young > 0) await setTimeout(young);
  }

  /** A queue that the journal knows is made again if it is not there. False: it was destroyed, or never declared. */
  async mend(queue: string): Promise<boolean> {
    const settings = await this.#journal.findNow(queue);
    if (settings === undefined) return false;
    await this.#declare(queue, settings, this.#journal.bands(queue));
    return true;
  }

  async queues(): Promise<readonly string[]> {
    await this.#synced();
    return this.#journal.queues;
  }

  async depth(queue: string): Promise<QueueDepth> {
    const settings = await this.#settings(queue);
    const count = (name: string): Promise<number> =>
      this.#on(queue, async (channel) => (await channel.checkQueue(name)).messageCount);
    const names = this.#ready(queue);
    const [owned, dead, ...ready] = await Promise.all([
      this.#management?.unsettled(names),
      count(this.#layout.dead(queue, settings)),
      ...names.map(count),
    ]);
    return { ready: sum(ready), dead, delayed: undefined, owned, paused: this.#journal.paused(queue) };
  }

  async oldestReadyAge(queue: string): Promise<undefined> {
    await this.#settings(queue);
    return undefined;
  }

  async pause(queue: string): Promise<void> {
    await this.#settings(queue);
    await this.#journal.pause(queue, true);
  }

  async resume(queue: string): Promise<void> {
    await this.#settings(queue);
    await this.#journal.pause(queue, false);
  }

  async revoke(ids: readonly string[]): Promise<readonly RevokeOutcome[]> {
    if (ids.length > 0) await this.#journal.revoke(ids);
    return ids.map((id) => ({ id, status: this.#holds(id) ? "owned" : "unknown" }));
  }

  /** Delayed messages cannot be reached in the ladder: from now on they are void, and dropped when they arrive. Their number is unknown. */
  async purge(queue: string, options: { readonly delayed?: boolean } = {}): Promise<number> {
    await this.#settings(queue);
    if (options.delayed === true) await this.#journal.voidDelayed(queue);
    return this.#on(queue, async (channel) => {
      const purged = await Promise.all(this.#ready(queue).map((name) => channel.purgeQueue(name)));
      return sum(purged.map(({ messageCount }) => messageCount));
    });
  }

  async deadLetters(
    queue: string,
    options: { readonly limit?: number; readonly after?: string; readonly ids?: readonly string[] } = {},
  ): Promise<readonly DeadLetter[]> {
    return this.#letters.list(queue, await this.#settings(queue), options);
  }

  async redrive(queue: string, ids: readonly string[] | "all"): Promise<number> {
    return this.#letters.redrive(queue, await this.#settings(queue), ids);
  }

  async dropDead(queue: string, ids: readonly string[] | "all"): Promise<number> {
    return this.#letters.drop(queue, await this.#settings(queue), ids);
  }

  /** The record goes first: consumers that find their queue gone know by it that it is not to be made again. */
  async destroyQueue(queue: string): Promise<QueueDepth> {
    const settings = await this.#settings(queue);
    const depth = await this.depth(queue);
    const ready = this.#ready(queue);
    await this.#journal.destroy(queue);
    await this.#link.withChannel(async (channel) => {
      for (const name of [...ready, this.#layout.dead(queue, settings)]) await channel.deleteQueue(name);
    });
    return depth;
  }

  /** The server's names of what is ready, one per band. */
  #ready(queue: string): readonly string[] {
    return this.#layout.bands(queue, this.#journal.bands(queue));
  }

  #declare(queue: string, settings: QueueSettings, bands: number): Promise<void> {
    return this.#on(queue, async (channel) => {
      await Promise.all([
        channel.assertExchange(this.#layout.due, "topic", { durable: true }),
        channel.assertQueue(this.#layout.dead(queue, settings), this.#layout.deadArguments(settings)),
        ...rungs(bands).flatMap((rung) => [
          channel.assertQueue(this.#layout.ready(queue, rung), this.#layout.readyArguments()),
          channel.bindQueue(this.#layout.ready(queue, rung), this.#layout.due, duePattern(queue, rung)),
        ]),
      ]);
    });
  }

  async #settings(queue: string): Promise<QueueSettings> {
    const known = this.#journal.settings(queue);
    if (known !== undefined) return known;
    await this.#synced();
    const settings = await this.#journal.find(queue);
    if (settings === undefined) throw new QueueNotFoundError(queue);
    return settings;
  }

  async #synced(): Promise<void> {
    if (!this.#link.isUp) throw new BrokerUnavailableError("the connection to RabbitMQ is down, and being made anew");
    await this.#journal.sync();
  }

  async #on<T>(queue: string, work: (channel: Channel) => Promise<T>): Promise<T> {
    try {
      return await this.#link.withChannel(work);
    } catch (error) {
      // Deleted behind our back: declared queues are made again, by whoever misses them first.
      if (isMissing(error) && (await this.mend(queue))) return await this.#link.withChannel(work);
      throw rabbitMqError(error, queue);
    }
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((all, count) => all + count, 0);
}

function same(a: QueueSettings, b: QueueSettings): boolean {
  return a.leaseMs === b.leaseMs && a.maxDead === b.maxDead && a.deadRetentionMs === b.deadRetentionMs;
}
