/**
 * Dead letters, one by one, on a server that knows only the next message of a queue: all that come before the ones wanted are taken, looked
 * at, and given back by closing the channel, which returns them to their places. Meanwhile nobody else may do so, or each would
 * see a part: an exclusive queue is the lock, which is gone with the connection of whoever holds it.
 */

import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { backoff } from "@lovage/core/brokers";
import { BrokerUnavailableError, type DeadLetter, type QueueSettings, redrivenHeaders } from "@lovage/core/contracts";
import type { Channel, ConsumeMessage } from "amqplib";
import type { Link } from "../connection/rabbitmq-link.ts";
import { type Arrived, deadLetter, envelope, opened } from "../publishing/rabbitmq-envelope.ts";
import type { Store } from "../publishing/rabbitmq-store.ts";
import { isLocked } from "../rabbitmq-errors.ts";
import type { Journal } from "./rabbitmq-journal.ts";
import type { Layout } from "./rabbitmq-topology.ts";

export interface DeadLettersOptions {
  readonly link: Link;
  readonly layout: Layout;
  readonly journal: Journal;
  readonly store: Store;
  readonly timeoutMs: number;
}

/** A letter in hand, and whether to look at further ones after it. */
type Visit = (letter: Arrived, take: () => void) => Promise<"next" | "enough">;

const DEFAULT_LIMIT = 100;

export class DeadLetters {
  readonly #options: DeadLettersOptions;
  /** One at a time per queue on this connection: the lock is the connection's. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(options: DeadLettersOptions) {
    this.#options = options;
  }

  async list(
    queue: string,
    settings: QueueSettings,
    query: { readonly limit?: number; readonly after?: string; readonly ids?: readonly string[] },
  ): Promise<readonly DeadLetter[]> {
    const { limit = DEFAULT_LIMIT, after } = query;
    const wanted = query.ids === undefined ? undefined : new Set(query.ids);
    const letters: DeadLetter[] = [];
    let passed = after === undefined;
    if (limit <= 0) return letters;
    await this.#visit(queue, settings, async (letter) => {
      const { id } = letter.message;
      if (!passed) passed = id === after;
      else if (wanted === undefined || wanted.has(id)) letters.push(deadLetter(letter, queue));
      return letters.length >= limit || letters.length === wanted?.size ? "enough" : "next";
    });
    return letters;
  }

  async redrive(queue: string, settings: QueueSettings, ids: readonly string[] | "all"): Promise<number> {
    const { journal, store, timeoutMs } = this.#options;
    const wanted = ids === "all" ? undefined : new Set(ids);
    let moved = 0;
    await this.#visit(queue, settings, async (letter, take) => {
      const { message } = letter;
      if (wanted !== undefined && !wanted.has(message.id)) return "next";
      await journal.pardon([message.id]);
      const content = envelope({ ...message, headers: redrivenHeaders(message.headers) }, { copy: randomUUID() });
      const fate = await store.copy((terms) => store.put(queue, content, terms), timeoutMs);
      if (fate !== "stored")
        throw new BrokerUnavailableError(`queue "${queue}" did not take a dead letter back (${fate}); redrive again`);
      take();
      moved += 1;
      return moved === wanted?.size ? "enough" : "next";
    });
    return moved;
  }

  async drop(queue: string, settings: QueueSettings, ids: readonly string[] | "all"): Promise<number> {
    const { link, layout } = this.#options;
    if (ids === "all") {
      return this.#locked(queue, () =>
        link.withChannel(async (channel) => (await channel.purgeQueue(layout.dead(queue, settings))).messageCount),
      );
    }
    const wanted = new Set(ids);
    let dropped = 0;
    await this.#visit(queue, settings, async ({ message }, take) => {
      if (!wanted.has(message.id)) return "next";
      take();
      dropped += 1;
      return dropped === wanted.size ? "enough" : "next";
    });
    return dropped;
  }

  /** Into the queue that the new settings ask for, if it is another; the old one goes when it is empty. */
  async move(queue: string, before: QueueSettings, after: QueueSettings): Promise<void> {
    const { layout, store, timeoutMs, link } = this.#options;
    const from = layout.dead(queue, before);
    if (from === layout.dead(queue, after)) return;
    await this.#visit(queue, before, async ({ message, marks }, take) => {
      const fate = await store.copy((terms) => store.bury(queue, envelope(message, marks), terms), timeoutMs);
      if (fate !== "stored")
        throw new BrokerUnavailableError(
          `dead letters of queue "${queue}" could not be moved (${fate}); declare it again`,
        );
      take();
      return "next";
    });
    // Replicated queues cannot be deleted on the condition that they are empty: that ends the connection.
    await link.withChannel(async (channel) => {
      if ((await channel.checkQueue(from)).messageCount === 0) await channel.deleteQueue(from);
    });
  }

  #visit(queue: string, settings: QueueSettings, visit: Visit): Promise<void> {
    const { link, layout } = this.#options;
    return this.#locked(queue, () => link.withChannel((channel) => walk(channel, layout.dead(queue, settings), visit)));
  }

  async #locked<T>(queue: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(queue) ?? Promise.resolve();
    const turn = before.catch(() => {}).then(() => this.#holdingLock(queue, work));
    this.#turns.set(queue, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(queue) === turn) this.#turns.delete(queue);
    }
  }

  async #holdingLock<T>(queue: string, work: () => Promise<T>): Promise<T> {
    const { link, layout, timeoutMs } = this.#options;
    const lock = layout.lock(queue);
    const deadline = performance.now() + timeoutMs;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await link.withChannel((channel) => channel.assertQueue(lock, { exclusive: true, durable: false }));
        break;
      } catch (error) {
        if (!isLocked(error) || performance.now() > deadline) throw error;
        await setTimeout(backoff(attempt, 10, 200));
      }
    }
    try {
      return await work();
    } finally {
      await link.withChannel((channel) => channel.deleteQueue(lock)).catch(() => {});
    }
  }
}

/** Takes one after the other until it is enough, or all that were there were seen. What is not taken for good goes back. */
async function walk(channel: Channel, name: string, visit: Visit): Promise<void> {
  const { messageCount } = await channel.checkQueue(name);
  if (messageCount === 0) return;
  const arrived: ConsumeMessage[] = [];
  let wake: (() => void) | undefined;
  let ended = false;
  const end = (): void => {
    ended = true;
    wake?.();
  };
  channel.on("close", end);
  const { consumerTag } = await channel.consume(name, (message) => {
    if (message === null) return end();
    arrived.push(message);
    wake?.();
  });
  for (let seen = 0; seen < messageCount; seen += 1) {
    while (arrived[seen] === undefined && !ended) {
      // Some may have expired since they were counted: what has not come in a while is not there.
      const late = new AbortController();
      const patience = setTimeout(LATE_MS, undefined, { signal: late.signal }).catch(() => {});
      const more = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await Promise.race([more, patience]);
      late.abort();
      if (arrived[seen] === undefined && !(await stillThere(channel, name, arrived.length, seen))) return;
    }
    const message = arrived[seen];
    if (message === undefined) throw new BrokerUnavailableError("the connection ended while dead letters were read");
    if ((await visit(opened(message), () => channel.ack(message))) === "enough") break;
  }
  await channel.cancel(consumerTag);
}

const LATE_MS = 1_000;

async function stillThere(channel: Channel, name: string, came: number, seen: number): Promise<boolean> {
  const { messageCount } = await channel.checkQueue(name);
  return messageCount > 0 || came > seen;
}
