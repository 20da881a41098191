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
import { DeadLetters } from "./rabbitmq-dead-letters.ts";
import { isMissing, rabbitMqError } from "./rabbitmq-errors.ts";
import type { Journal } from "./rabbitmq-journal.ts";
import { duePattern } from "./rabbitmq-ladder.ts";
import type { Link } from "./rabbitmq-link.ts";
import type { Management } from "./rabbitmq-management.ts";
import type { Store } from "./rabbitmq-store.ts";
import type { Layout } from "./rabbitmq-topology.ts";

export interface AdminOptions {
  readonly link: Link;
  readonly layout: Layout;
  readonly journal: Journal;
  readonly store: Store;
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
  readonly #management: Management | undefined;
  readonly #holds: (id: string) => boolean;

  constructor({ link, layout, journal, store, management, timeoutMs, holds }: AdminOptions) {
    this.#link = link;
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
    if (this.#journal.settings(name) === undefined) await this.#journal.sync();
    const present = this.#journal.settings(name);
    const settings = queueSettings(declaration, present);
    await this.#declare(name, settings);
    if (present === undefined || !same(present, settings)) await this.#journal.declare(name, settings);
    if (present !== undefined) await this.#letters.move(name, present, settings);
    const young = this.#journal.youngFor(name);
    if (young > 0) await setTimeout(young);
  }

  /** A queue that the journal knows is made again if it is not there. False: it was destroyed, or never declared. */
  async mend(queue: string): Promise<boolean> {
    await this.#journal.sync();
    const settings = this.#journal.settings(queue);
    if (settings === undefined) return false;
    await this.#declare(queue, settings);
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
    const [ready, dead, owned] = await Promise.all([
      count(this.#layout.ready(queue)),
      count(this.#layout.dead(queue, settings)),
      this.#management?.unsettled([this.#layout.ready(queue)]),
    ]);
    return { ready, dead, delayed: undefined, owned, paused: this.#journal.paused(queue) };
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
    return this.#on(queue, async (channel) => (await channel.purgeQueue(this.#layout.ready(queue))).messageCount);
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
    await this.#journal.destroy(queue);
    await this.#link.withChannel(async (channel) => {
      await channel.deleteQueue(this.#layout.ready(queue));
      await channel.deleteQueue(this.#layout.dead(queue, settings));
    });
    return depth;
  }

  #declare(queue: string, settings: QueueSettings): Promise<void> {
    return this.#on(queue, async (channel) => {
      await Promise.all([
        channel.assertExchange(this.#layout.due, "topic", { durable: true }),
        channel.assertQueue(this.#layout.dead(queue, settings), this.#layout.deadArguments(settings)),
        channel.assertQueue(this.#layout.ready(queue), this.#layout.readyArguments()),
        channel.bindQueue(this.#layout.ready(queue), this.#layout.due, duePattern(queue)),
      ]);
    });
  }

  async #settings(queue: string): Promise<QueueSettings> {
    if (this.#journal.settings(queue) === undefined) await this.#synced();
    const settings = this.#journal.settings(queue);
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

function same(a: QueueSettings, b: QueueSettings): boolean {
  return a.leaseMs === b.leaseMs && a.maxDead === b.maxDead && a.deadRetentionMs === b.deadRetentionMs;
}
