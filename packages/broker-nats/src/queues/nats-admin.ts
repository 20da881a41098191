import type { Calls } from "@lovage/core/brokers";
import {
  type DeadLetter,
  type QueueAdmin,
  type QueueDeclaration,
  type QueueDepth,
  QueueNotFoundError,
  type RevokeOutcome,
} from "@lovage/core/contracts";
import type { NatsLink } from "../connection/nats-link.ts";
import type { Publisher } from "../publishing/nats-publisher.ts";
import { DeadLetters } from "./nats-dead-letters.ts";
import type { Layout } from "./nats-layout.ts";
import type { KnownQueue, Queues } from "./nats-queues.ts";
import type { Revocations } from "./nats-revocations.ts";
import type { ConsumerInfo, StreamInfo, Streams } from "./nats-streams.ts";

export interface AdminContext {
  readonly link: NatsLink;
  readonly layout: Layout;
  readonly streams: Streams;
  readonly queues: Queues;
  readonly revocations: Revocations;
  readonly publisher: Publisher;
}

interface Counts {
  readonly ready: number;
  readonly owned: number;
  readonly delayed: number;
  readonly dead: number;
}

export class NatsAdmin implements Calls<QueueAdmin> {
  readonly #context: AdminContext;
  readonly #dead: DeadLetters;

  constructor(context: AdminContext) {
    this.#context = context;
    this.#dead = new DeadLetters(context);
  }

  ensureQueue(declaration: QueueDeclaration): Promise<void> {
    return this.#context.queues.declare(declaration);
  }

  async queues(): Promise<readonly string[]> {
    await this.#context.queues.follow();
    return this.#context.queues.names();
  }

  async depth(queue: string): Promise<QueueDepth> {
    const known = await this.#known(queue);
    return { ...(await this.#counts(known)), paused: known.settings.paused };
  }

  async oldestReadyAge(queue: string): Promise<number | undefined> {
    const { layout, streams } = this.#context;
    const { settings } = await this.#known(queue);
    const stream = layout.readyStream(queue);
    const bands = Array.from({ length: settings.bands }, async (_, band) => {
      const info = await streams.consumer(stream, layout.consumer(band));
      const next_by_subj = layout.ready(queue, band);
      return streams.message(stream, { seq: (info?.delivered.stream_seq ?? 0) + 1, next_by_subj });
    });
    const times = (await Promise.all(bands)).flatMap((first) => (first === undefined ? [] : [Date.parse(first.time)]));
    return times.length === 0 ? undefined : Math.max(0, Date.now() - Math.min(...times));
  }

  pause(queue: string): Promise<void> {
    return this.#context.queues.setPaused(queue, true);
  }

  resume(queue: string): Promise<void> {
    return this.#context.queues.setPaused(queue, false);
  }

  /** Remembered first: what is not found now is dropped when it is about to be delivered. */
  async revoke(ids: readonly string[]): Promise<readonly RevokeOutcome[]> {
    const { revocations, queues } = this.#context;
    if (ids.length === 0) return [];
    await revocations.add(ids);
    const removed = await Promise.all(queues.names().map((queue) => this.#removeDelayed(queue, ids)));
    return ids.map((id, index) => {
      const found = removed.some((counts) => (counts[index] ?? 0) > 0);
      return { id, status: found ? "removed" : "unknown" };
    });
  }

  async purge(queue: string, { delayed = false }: { readonly delayed?: boolean } = {}): Promise<number> {
    const { layout, streams } = this.#context;
    const known = await this.#known(queue);
    // What is owned goes too; it is not what was asked for, so it is not counted.
    const { owned } = await this.#counts(known);
    const ready = await streams.purge(layout.readyStream(queue), layout.ready(queue, ">"));
    let removed = Math.max(0, ready - owned);
    if (!delayed) return removed;
    removed += await streams.purge(layout.delayStream(queue));
    if (known.settings.schedules) removed += await streams.purge(layout.readyStream(queue), layout.schedulesAll(queue));
    return removed;
  }

  async deadLetters(
    queue: string,
    options: { readonly limit?: number; readonly after?: string; readonly ids?: readonly string[] } = {},
  ): Promise<readonly DeadLetter[]> {
    await this.#known(queue);
    return this.#dead.list(queue, options);
  }

  async redrive(queue: string, ids: readonly string[] | "all"): Promise<number> {
    return this.#dead.redrive(await this.#known(queue), ids);
  }

  async dropDead(queue: string, ids: readonly string[] | "all"): Promise<number> {
    await this.#known(queue);
    return this.#dead.drop(queue, ids);
  }

  async destroyQueue(queue: string): Promise<QueueDepth> {
    const depth = await this.depth(queue);
    await this.#context.queues.destroy(queue);
    return depth;
  }

  /** What the server says, not what this connection remembers. */
  async #known(queue: string): Promise<KnownQueue> {
    const known = await this.#context.queues.refresh(queue);
    if (known === undefined) throw new QueueNotFoundError(queue);
    return known;
  }

  async #counts({ name, settings }: KnownQueue): Promise<Counts> {
    const { layout, streams } = this.#context;
    const [ready, delayed, dead] = layout.streams(name).map((stream) => streams.info(stream));
    const bands = Array.from({ length: settings.bands }, (_, band) =>
      streams.consumer(layout.readyStream(name), layout.consumer(band)),
    );
    const consumers = await Promise.all(bands);
    const sum = (count: (info: ConsumerInfo) => number): number =>
      consumers.reduce((total, info) => total + (info === undefined ? 0 : count(info)), 0);
    const waiting = sum(({ num_pending }) => num_pending);
    const owned = sum(({ num_ack_pending }) => num_ack_pending);
    const messages = async (info: Promise<StreamInfo | undefined> | undefined): Promise<number> =>
      (await info)?.state.messages ?? 0;
    const scheduled = settings.schedules ? Math.max(0, (await messages(ready)) - waiting - owned) : 0;
    return { ready: waiting, owned, delayed: (await messages(delayed)) + scheduled, dead: await messages(dead) };
  }

  async #removeDelayed(queue: string, ids: readonly string[]): Promise<readonly number[]> {
    const { layout, streams, queues } = this.#context;
    const stream = layout.delayStream(queue);
    const info = await streams.info(stream);
    const some = (info?.state.messages ?? 0) > 0;
    const scheduled = queues.known(queue)?.settings.schedules === true;
    return Promise.all(
      ids.map(async (id) => {
        const moved = some ? await streams.purge(stream, layout.delayedOf(queue, id)) : 0;
        const kept = scheduled ? await streams.purge(layout.readyStream(queue), layout.schedulesOf(queue, id)) : 0;
        return moved + kept;
      }),
    );
  }
}
