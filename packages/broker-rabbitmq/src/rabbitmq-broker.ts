import { setTimeout } from "node:timers/promises";
import {
  abortable,
  type BrokerHost,
  type BrokerRuntime,
  backoff,
  type ConsumptionTerms,
  createBroker,
  type HeldConsumption,
  type Sender,
} from "@lovage/core/brokers";
import {
  type Broker,
  type BrokerCapabilities,
  type ControlChannel,
  type Diagnosis,
  type LovageError,
  type OutgoingMessage,
  type PublishOutcome,
  QueueNotFoundError,
} from "@lovage/core/contracts";
import { RabbitMqAdmin } from "./rabbitmq-admin.ts";
import { MAX_DELAY_MS, rabbitMqCapabilities } from "./rabbitmq-capabilities.ts";
import { type FeedHost, type RabbitMqClaim, RabbitMqFeed } from "./rabbitmq-consumption.ts";
import { RabbitMqControl } from "./rabbitmq-control.ts";
import { diagnose } from "./rabbitmq-diagnosis.ts";
import { Doorkeeper } from "./rabbitmq-doorkeeper.ts";
import { isStreamAway, messageOf, rabbitMqError } from "./rabbitmq-errors.ts";
import { Journal, YOUNG_MS } from "./rabbitmq-journal.ts";
import { Link, type Session } from "./rabbitmq-link.ts";
import { Management } from "./rabbitmq-management.ts";
import { type RabbitMqBrokerOptions, type RabbitMqSettings, rabbitMqSettings } from "./rabbitmq-options.ts";
import { managementFindings } from "./rabbitmq-policies.ts";
import { Publisher } from "./rabbitmq-publisher.ts";
import { Publishing } from "./rabbitmq-publishing.ts";
import { serverTraits } from "./rabbitmq-server.ts";
import { settlements } from "./rabbitmq-settlements.ts";
import { Store } from "./rabbitmq-store.ts";
import { Layout } from "./rabbitmq-topology.ts";

const CLOSE_MS = 1_000;
const LEAST_CONNECT_MS = 3_000;
/** Some five seconds. */
const ATTEMPTS_BEFORE_WARNING = 16;

/**
 * One worker's or producer's way to the server, by two connections: one publishes, and may be held back by an alarm; the other consumes,
 * settles and asks, and is not.
 */
class RabbitMqRuntime implements BrokerRuntime<RabbitMqClaim>, FeedHost {
  readonly name = "rabbitmq";
  readonly address: string;
  readonly operationTimeoutMs: number;
  readonly newQueueMs: number = YOUNG_MS;
  readonly control: ControlChannel;
  readonly #control: RabbitMqControl;
  readonly admin: RabbitMqAdmin;
  readonly requests: Sender<RabbitMqClaim>;
  readonly #settings: RabbitMqSettings;
  readonly #layout: Layout;
  readonly #host: BrokerHost;
  readonly #publishing: Link;
  readonly #consuming: Link;
  readonly #publisher: Publisher;
  readonly #publish: Publishing;
  readonly #journal: Journal;
  readonly #door: Doorkeeper;
  readonly #feeds = new Set<RabbitMqFeed>();
  readonly #store: Store;
  readonly #management: Management | undefined;
  /** `connect` has resolved, or is about to. */
  #reached = false;
  #isDown = false;
  #reading: NodeJS.Immediate | undefined;

  constructor(options: RabbitMqBrokerOptions, host: BrokerHost) {
    const settings = rabbitMqSettings(options);
    const { operationTimeoutMs: timeoutMs, maxUnconfirmed } = settings;
    this.#settings = settings;
    this.#host = host;
    this.address = settings.address;
    this.operationTimeoutMs = timeoutMs;
    this.#layout = new Layout(settings.layout);
    const linkSettings = {
      servers: settings.servers,
      connectTimeoutMs: Math.max(LEAST_CONNECT_MS, Math.min(timeoutMs, 10_000)),
    };
    this.#publishing = new Link(linkSettings, {
      setUp: (session) => this.#setUpPublishing(session),
      up: () => {
        this.#consuming.hurry();
        this.#cameUp();
      },
      down: (error) => this.#wentDown(error),
      blocked: (reason) => this.#blocked(reason),
      unblocked: () => this.#unblocked(),
    });
    this.#consuming = new Link(linkSettings, {
      setUp: (session) => this.#setUpConsuming(session),
      up: () => this.#cameUp(),
      down: (error) => this.#wentDown(error),
    });
    this.#publisher = new Publisher(maxUnconfirmed, () => this.#store.ladderMayBeGone());
    this.#journal = new Journal(this.#publisher, this.#layout, timeoutMs);
    this.#store = new Store(this.#publisher, this.#journal, this.#layout, this.#consuming);
    this.#publish = new Publishing(
      this.#store,
      { maxMessageBytes: settings.maxMessageBytes, maxDelayMs: MAX_DELAY_MS },
      timeoutMs,
    );
    const { management } = settings;
    this.#management =
      management === undefined
        ? undefined
        : new Management(management, (message) => this.warn("management-away", message));
    this.admin = new RabbitMqAdmin({
      management: this.#management,
      link: this.#consuming,
      layout: this.#layout,
      journal: this.#journal,
      store: this.#store,
      bands: settings.bands,
      timeoutMs,
      holds: (id) => this.#holds(id),
    });
    this.#door = new Doorkeeper(this.#journal, this.#store, timeoutMs);
    this.requests = settlements({
      store: this.#store,
      journal: this.#journal,
      timeoutMs,
      mend: (queue) => this.admin.mend(queue),
    });
    this.#control = new RabbitMqControl(this.#layout);
    this.control = this.#control;
    this.#journal.onChange(() => this.#journalChanged());
  }

  get session(): Session | undefined {
    return this.#consuming.isUp ? this.#consuming.session : undefined;
  }

  async open(signal: AbortSignal): Promise<BrokerCapabilities> {
    try {
      await this.#publishing.open(signal);
      await this.#consuming.open(signal);
      const managed = this.#management?.reach();
      await abortable(this.#store.prepare(), signal);
      const { queueType } = this.#settings.layout;
      const traits = serverTraits(this.#consuming.serverProperties, queueType);
      if (traits.warning !== undefined) this.warn("server-version", traits.warning);
      this.#reached = true;
      const { bands, ackTimeoutMs, maxMessageBytes } = this.#settings;
      const management = (await managed) === true;
      return rabbitMqCapabilities(traits, { queueType, bands, ackTimeoutMs, maxMessageBytes, management });
    } catch (error) {
      const given = rabbitMqError(error);
      if (!given.retryable || signal.aborted || this.#host.closed) {
        await Promise.all([this.#publishing.drop(CLOSE_MS), this.#consuming.drop(CLOSE_MS)]);
      } else this.#host.events.emit({ type: "disconnected", error: given });
      throw error;
    }
  }

  publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
    return this.#publish.publish(messages);
  }

  async consume(terms: ConsumptionTerms<RabbitMqClaim>): Promise<HeldConsumption<RabbitMqClaim>> {
    const { queue } = terms;
    if (this.#journal.settings(queue) === undefined) await this.#journal.sync();
    if (this.#journal.settings(queue) === undefined) throw new QueueNotFoundError(queue);
    const feed = new RabbitMqFeed(terms, this);
    this.#feeds.add(feed);
    await feed.started;
    return feed.consumption;
  }

  errorOf(error: unknown): LovageError {
    return rabbitMqError(error);
  }

  async diagnose(): Promise<readonly Diagnosis[]> {
    const { layout, bands, ackTimeoutMs } = this.#settings;
    const { queueType, prefix } = layout;
    return [
      ...diagnose(this.#consuming.serverProperties, { queueType, bands, ackTimeoutMs }, this.#publisher.blocked),
      ...(await managementFindings(this.#management, prefix)),
    ];
  }

  async close(): Promise<void> {
    await this.#publisher.close(CLOSE_MS);
    this.#journal.close();
    this.#management?.close();
    await Promise.all([this.#publishing.close(CLOSE_MS), this.#consuming.close(CLOSE_MS)]);
  }

  // For feeds.

  places(queue: string): readonly string[] {
    return this.#layout.bands(queue, this.#journal.bands(queue));
  }

  paused(queue: string): boolean {
    return this.#journal.paused(queue);
  }

  handled(...arrival: Parameters<FeedHost["handled"]>): boolean {
    return this.#door.handled(...arrival);
  }

  mend(queue: string): Promise<boolean> {
    return this.admin.mend(queue);
  }

  doubtful(copies: readonly string[]): void {
    this.#door.remember(copies);
  }

  restarted(queue: string, reason: string): void {
    this.#host.events.emit({ type: "consumption-restarted", queue, reason });
  }

  warn(code: string, message: string): void {
    this.#host.events.emit({ type: "warning", code, message });
  }

  ended(feed: RabbitMqFeed): void {
    this.#feeds.delete(feed);
  }

  async #setUpPublishing(session: Session): Promise<void> {
    await this.#publisher.attach(session);
    await this.#control.attach(session);
  }

  /**
   * A server that was restarted has its queues back before its streams. Who has read the journal before goes on with what it knows, and
   * reads on as soon as it can: nobody can have revoked anything while the stream was away.
   */
  async #setUpConsuming(session: Session): Promise<void> {
    try {
      await this.#journal.attach(session);
    } catch (error) {
      if (!this.#reached || !isStreamAway(error)) throw error;
      void this.#catchUp(session);
    }
  }

  async #catchUp(session: Session): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      await setTimeout(backoff(attempt, 20, 500), undefined, { ref: false });
      if (this.#consuming.isUp && this.#consuming.session !== session) return;
      try {
        return await this.#journal.attach(session);
      } catch (error) {
        // The connection has ended: the next one begins anew.
        if (!isStreamAway(error)) return;
        if (attempt !== ATTEMPTS_BEFORE_WARNING) continue;
        this.warn("journal-away", `what is revoked, paused or declared elsewhere is not known: ${messageOf(error)}`);
      }
    }
  }

  #cameUp(): void {
    if (!this.#publishing.isUp || !this.#consuming.isUp) return;
    this.#store.ladderMayBeGone();
    for (const feed of this.#feeds) feed.attach();
    this.requests.retryNow();
    if (!this.#reached || !this.#isDown) return;
    this.#isDown = false;
    this.#host.events.emit({ type: "connected" });
  }

  #wentDown(error: LovageError): void {
    this.#unblocked();
    if (!this.#reached || this.#isDown) return;
    this.#isDown = true;
    this.#host.events.emit({ type: "disconnected", error });
  }

  #blocked(reason: string): void {
    this.#publisher.block(reason);
    this.#host.events.emit({ type: "blocked", reason });
  }

  #unblocked(): void {
    if (this.#publisher.blocked === undefined) return;
    this.#publisher.unblock();
    this.#host.events.emit({ type: "unblocked" });
  }

  /** Told once for what is read together. */
  #journalChanged(): void {
    this.#reading ??= setImmediate(() => {
      this.#reading = undefined;
      for (const feed of [...this.#feeds]) {
        const { consumption } = feed;
        if (this.#journal.settings(consumption.queue) === undefined) consumption.queueLost();
        else if (consumption.open) feed.roomChanged();
      }
    });
  }

  #holds(id: string): boolean {
    for (const { consumption } of this.#feeds) {
      for (const { message, isLost } of consumption.held) if (message.id === id && !isLost) return true;
    }
    return false;
  }
}

/**
 * RabbitMQ as it comes, without plugins. A string is a URL: `amqp://user:password@host:5672/vhost`. Throws `ConfigurationError` for options
 * that cannot work; what is wrong with the server shows at `connect()`.
 */
export function rabbitMqBroker(options: RabbitMqBrokerOptions | string): Broker {
  const given = typeof options === "string" ? { url: options } : options;
  return createBroker((host) => new RabbitMqRuntime(given, host));
}
