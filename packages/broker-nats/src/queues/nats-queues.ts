import { ConfigurationError, type QueueDeclaration, QueueNotFoundError, queueSettings } from "@lovage/core/contracts";
import { API_CODES, isApiError } from "../nats-errors.ts";
import type { Features } from "../nats-versions.ts";
import type { Bucket, Entry } from "./nats-bucket.ts";
import {
  bandConsumer,
  checkConsumer,
  checkStream,
  deadStream,
  delayStream,
  differences,
  keepsSchedules,
  mayKeepSchedules,
  type NatsQueueSettings,
  readyStream,
  type StreamChoices,
  updated,
} from "./nats-configs.ts";
import { type Layout, token, untoken } from "./nats-layout.ts";
import type { ConsumerConfig, ConsumerInfo, StreamConfig, StreamInfo, Streams } from "./nats-streams.ts";

/** Of the streams and of what is said of a queue in its bucket. */
const LAYOUT_VERSION = 1;

/** A queue as it stands. */
export interface KnownQueue {
  readonly name: string;
  readonly settings: NatsQueueSettings;
  readonly revision: number;
}

export interface QueuesOptions {
  readonly layout: Layout;
  readonly streams: Streams;
  readonly bucket: Bucket;
  readonly choices: StreamChoices;
  readonly features: Features;
  readonly bands: number;
}

/**
 * A server says that a stream or consumer is gone before it has removed its files: one that is made again under the same name in that moment
 * loses its own to the removal.
 */
const DELETION_MS = 1_000;

/**
 * The declared queues: what the bucket says of them, followed as it changes, and streams and consumers that match. A queue exists when the
 * bucket has it; streams that somebody removed are made again.
 */
export class Queues {
  readonly #options: QueuesOptions;
  readonly #known = new Map<string, KnownQueue>();
  readonly #repairs = new Map<string, Promise<boolean>>();
  readonly #listeners = new Set<(queue: string, known: KnownQueue | undefined) => void>();
  #unfollow: (() => void) | undefined;

  constructor(options: QueuesOptions) {
    this.#options = options;
  }

  /** Called whenever settings changed; with undefined when the queue is gone. */
  onChange(listener: (queue: string, known: KnownQueue | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Follows the bucket first and reads it then; called again after each reconnect. */
  async follow(): Promise<void> {
    const { bucket } = this.#options;
    this.#unfollow ??= bucket.follow(">", (entry) => this.#learn(entry));
    const entries = await bucket.entries();
    for (const entry of entries) checkLayout(entry);
    const present = new Set(entries.map(({ key }) => untoken(key)));
    for (const name of [...this.#known.keys()]) if (!present.has(name)) await this.refresh(name);
    for (const entry of entries) this.#learn(entry);
  }

  end(): void {
    this.#unfollow?.();
    this.#listeners.clear();
  }

  names(): readonly string[] {
    return [...this.#known.keys()].sort();
  }

  /** As far as this connection has heard. */
  known(queue: string): KnownQueue | undefined {
    return this.#known.get(queue);
  }

  /** Asks the server where this connection has not heard of it. */
  async find(queue: string): Promise<KnownQueue> {
    const known = this.#known.get(queue) ?? (await this.refresh(queue));
    if (known === undefined) throw new QueueNotFoundError(queue);
    return known;
  }

  /** What the server says now. */
  async refresh(queue: string): Promise<KnownQueue | undefined> {
    const entry = await this.#options.bucket.get(token(queue));
    if (entry === undefined || entry.deleted) this.#forget(queue);
    else this.#learn(entry);
    return this.#known.get(queue);
  }

  async declare(declaration: QueueDeclaration): Promise<void> {
    const { layout, streams } = this.#options;
    queueSettings(declaration);
    const { name } = declaration;
    for (;;) {
      const found = await this.refresh(name);
      const gone = found !== undefined && (await streams.info(layout.readyStream(name))) === undefined;
      const present = gone ? await this.#disown(found) : found;
      const settings = await this.build(name, {
        ...queueSettings(declaration, present?.settings),
        bands: Math.max(this.#options.bands, present?.settings.bands ?? 1),
        paused: present?.settings.paused ?? false,
      });
      if (present !== undefined && differences(settings, present.settings).length === 0) return;
      if (await this.#store(name, settings, present?.revision ?? 0)) return;
      // Somebody else declared it meanwhile: with what they said, again.
    }
  }

  async setPaused(queue: string, paused: boolean): Promise<void> {
    for (;;) {
      const present = await this.refresh(queue);
      if (present === undefined) throw new QueueNotFoundError(queue);
      if (present.settings.paused === paused) return;
      if (await this.#store(queue, { ...present.settings, paused }, present.revision)) return;
    }
  }

  async destroy(queue: string): Promise<void> {
    const { bucket, layout, streams } = this.#options;
    await bucket.delete(token(queue));
    this.#forget(queue);
    await Promise.all(layout.streams(queue).map((stream) => streams.delete(stream)));
  }

  /** Makes the streams and consumers of a queue, or brings them to its settings; resolves with what came of that. */
  async build(queue: string, settings: Omit<NatsQueueSettings, "schedules" | "made">): Promise<NatsQueueSettings> {
    const { layout, choices } = this.#options;
    const [{ config, created }] = await Promise.all([
      this.#readyStream(queue, settings),
      this.#stream(delayStream(layout, queue, choices)),
      this.#stream(deadStream(layout, queue, settings, choices)),
    ]);
    const consumers = Array.from({ length: settings.bands }, (_, band) => bandConsumer(layout, queue, band, settings));
    await Promise.all(consumers.map((consumer) => this.#consumer(config.name, consumer)));
    return { ...settings, schedules: keepsSchedules(config, layout.schedulesAll(queue)), made: created };
  }

  /**
   * Something answers as if parts of the queue were gone, or the server may have been away: makes again what is missing and what does not fit, if
   * the queue still exists. Resolves with whether it does. Whoever asks meanwhile waits for the same.
   */
  repair(queue: string): Promise<boolean> {
    const under = this.#repairs.get(queue);
    if (under !== undefined) return under;
    const repair = this.#repair(queue).finally(() => this.#repairs.delete(queue));
    this.#repairs.set(queue, repair);
    return repair;
  }

  async #repair(queue: string): Promise<boolean> {
    const { layout, streams } = this.#options;
    const stream = layout.readyStream(queue);
    const bands = Array.from({ length: this.#known.get(queue)?.settings.bands ?? 0 }, (_, band) =>
      streams.consumer(stream, layout.consumer(band)),
    );
    const [before, ...consumers] = await Promise.all([this.refresh(queue), ...bands]);
    if (before === undefined) return false;
    // Asked after the consumers: what they have given out was stored before.
    const info = await streams.info(stream);
    if (info === undefined || consumers.length !== before.settings.bands || consumers.includes(undefined)) {
      if (info === undefined) await this.#disown(before);
      await new Promise((resolve) => setTimeout(resolve, DELETION_MS));
    } else {
      const ahead = consumers.filter((consumer) => isAhead(consumer as ConsumerInfo, info));
      // Usually all that was missing is the connection that was lost.
      if (ahead.length === 0) return true;
      await this.#disown(before);
      await Promise.all(ahead.map((consumer) => streams.deleteConsumer(stream, consumer?.name as string)));
    }
    const known = await this.refresh(queue);
    if (known === undefined) return false;
    const settings = await this.build(queue, known.settings);
    if (differences(settings, known.settings).length > 0) await this.#store(queue, settings, known.revision);
    return true;
  }

  /**
   * Messages will be counted anew: whoever holds one of before would settle another that has its number. Said to all before there can be one.
   * Resolves with what is said of the queue then.
   */
  async #disown({ name, settings, revision }: KnownQueue): Promise<KnownQueue | undefined> {
    // Refused: somebody else has said it, or something newer.
    await this.#store(name, { ...settings, made: "" }, revision);
    return this.refresh(name);
  }

  /** Where a server does not let it keep schedules, it goes on with the mover. */
  async #readyStream(queue: string, { bands }: Pick<NatsQueueSettings, "bands">): Promise<StreamInfo> {
    const { layout, choices, features, streams } = this.#options;
    const present = (await streams.info(layout.readyStream(queue)))?.config;
    const wanted = (schedules: boolean): StreamConfig =>
      readyStream(layout, queue, bands, choices, { ...features, schedules });
    if (!mayKeepSchedules(features, choices, present)) return this.#stream(wanted(false));
    try {
      return await this.#stream(wanted(true));
    } catch (error) {
      if (present?.allow_msg_schedules === true || !isApiError(error, API_CODES.invalidConfig)) throw error;
      return this.#stream(wanted(false));
    }
  }

  async #stream(wanted: StreamConfig): Promise<StreamInfo> {
    const { streams } = this.#options;
    const present = await streams.info(wanted.name);
    if (present === undefined) {
      const made = await streams.create(wanted);
      if (made === undefined) return this.#stream(wanted);
      checkStream(wanted, made.config);
      return made;
    }
    const target = updated(present.config, wanted);
    const info = differences(target, present.config).length === 0 ? present : await streams.update(target);
    checkStream(wanted, info.config);
    return info;
  }

  async #consumer(stream: string, wanted: ConsumerConfig): Promise<void> {
    const { streams } = this.#options;
    const present = await streams.consumer(stream, wanted.durable_name as string);
    if (present !== undefined && differences(wanted, present.config, ["ack_wait"]).length === 0) {
      return checkConsumer(stream, wanted, present.config);
    }
    const target = present === undefined ? wanted : { ...present.config, ack_wait: wanted.ack_wait as number };
    const { config } = await streams.createConsumer(stream, target);
    checkConsumer(stream, wanted, config);
  }

  async #store(queue: string, settings: NatsQueueSettings, after: number): Promise<boolean> {
    const { bucket } = this.#options;
    const value = JSON.stringify({ v: LAYOUT_VERSION, ...settings });
    const revision = await bucket.put(token(queue), value, after);
    if (revision === undefined) return false;
    this.#learn({ key: token(queue), value: Buffer.from(value), deleted: false, revision });
    return true;
  }

  #learn({ key, value, deleted, revision }: Entry): void {
    const name = untoken(key);
    const known = this.#known.get(name);
    if (known !== undefined && known.revision >= revision) return;
    if (deleted) {
      this.#forget(name);
      return;
    }
    const { v, ...settings } = JSON.parse(value.toString()) as NatsQueueSettings & { v: number };
    // Of a newer version, declared while we run: nothing is known of it here.
    if (v > LAYOUT_VERSION) return;
    const learnt = { name, settings, revision };
    this.#known.set(name, learnt);
    for (const listener of [...this.#listeners]) listener(name, learnt);
  }

  #forget(queue: string): void {
    if (!this.#known.delete(queue)) return;
    for (const listener of [...this.#listeners]) listener(queue, undefined);
  }
}

/**
 * A server that was killed while the stream was empty may count its messages from 1 again (seen on 2.9.10), and its consumer, which remembers
 * higher numbers, would wait for those: what is published meanwhile would be delivered to nobody.
 */
export function isAhead({ delivered }: Pick<ConsumerInfo, "delivered">, { state }: Pick<StreamInfo, "state">): boolean {
  return delivered.stream_seq > state.last_seq;
}

/** Throws for a queue that a newer version has declared: its messages may lie where this one does not look. */
function checkLayout({ key, value, deleted }: Entry): void {
  if (deleted) return;
  const { v } = JSON.parse(value.toString()) as { v: number };
  if (v <= LAYOUT_VERSION) return;
  throw new ConfigurationError(
    `queue "${untoken(key)}" has data layout ${v} and this version of Lovage knows ${LAYOUT_VERSION}; upgrade it, or use another namespace`,
    { code: "BROKER_LAYOUT", subject: { queue: untoken(key) } },
  );
}
