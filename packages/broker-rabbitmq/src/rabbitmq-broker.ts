import {
  abortable,
  type BrokerHost,
  type BrokerRuntime,
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
import type { Session } from "./connection/rabbitmq-link.ts";
import { Links } from "./connection/rabbitmq-links.ts";
import { serverTraits } from "./connection/rabbitmq-server.ts";
import { type FeedHost, type RabbitMqClaim, RabbitMqFeed } from "./consuming/rabbitmq-consumption.ts";
import { Doorkeeper } from "./consuming/rabbitmq-doorkeeper.ts";
import { Pulse } from "./consuming/rabbitmq-pulse.ts";
import { settlements } from "./consuming/rabbitmq-settlements.ts";
import { RabbitMqControl } from "./control/rabbitmq-control.ts";
import { Management } from "./management/rabbitmq-management.ts";
import { managementFindings } from "./management/rabbitmq-policies.ts";
import { Publisher } from "./publishing/rabbitmq-publisher.ts";
import { Publishing } from "./publishing/rabbitmq-publishing.ts";
import { Store } from "./publishing/rabbitmq-store.ts";
import { RabbitMqAdmin } from "./queues/rabbitmq-admin.ts";
import { Journal } from "./queues/rabbitmq-journal.ts";
import { Layout } from "./queues/rabbitmq-topology.ts";
import { MAX_DELAY_MS, rabbitMqCapabilities } from "./rabbitmq-capabilities.ts";
import { diagnose } from "./rabbitmq-diagnosis.ts";
import { rabbitMqError } from "./rabbitmq-errors.ts";
import { type RabbitMqBrokerOptions, type RabbitMqSettings, rabbitMqSettings } from "./rabbitmq-options.ts";

const CLOSE_MS = 1_000;
const LEAST_CONNECT_MS = 3_000;

/** Who answers for what: each part of a broker's work has a file of its own. */
class RabbitMqRuntime implements BrokerRuntime<RabbitMqClaim>, FeedHost {
  readonly name = "rabbitmq";
  readonly address: string;
  readonly operationTimeoutMs: number;
  readonly newQueueMs: number;
  readonly control: ControlChannel;
  readonly #control: RabbitMqControl;
  readonly admin: RabbitMqAdmin;
  readonly requests: Sender<RabbitMqClaim>;
  readonly #settings: RabbitMqSettings;
  readonly #layout: Layout;
  readonly #host: BrokerHost;
  readonly #links: Links;
  readonly #publisher: Publisher;
  readonly #publish: Publishing;
  readonly #journal: Journal;
  readonly #door: Doorkeeper;
  readonly #feeds = new Set<RabbitMqFeed>();
  #pulse: Pulse | undefined;
  readonly #store: Store;
  readonly #management: Management | undefined;
  #reading: NodeJS.Immediate | undefined;

  constructor(options: RabbitMqBrokerOptions, host: BrokerHost) {
    const settings = rabbitMqSettings(options);
    const { operationTimeoutMs: timeoutMs, maxUnconfirmed } = settings;
    this.#settings = settings;
    this.#host = host;
    this.address = settings.address;
    this.operationTimeoutMs = timeoutMs;
    this.#layout = new Layout(settings.layout);
    this.newQueueMs = this.#layout.newQueueMs;
    const connectTimeoutMs = Math.max(LEAST_CONNECT_MS, Math.min(timeoutMs, 10_000));
    this.#links = new Links(
      { servers: settings.servers, connectTimeoutMs },
      {
        setUpPublishing: async (session) => {
          await this.#publisher.attach(session);
          await this.#control.attach(session);
        },
        setUpConsuming: (session) => this.#journal.attach(session),
        up: () => this.#cameUp(),
        down: () => this.#unblocked(),
        disconnected: (error) => host.events.emit({ type: "disconnected", error }),
        connected: () => host.events.emit({ type: "connected" }),
        blocked: (reason) => this.#blocked(reason),
        unblocked: () => this.#unblocked(),
      },
    );
    this.#publisher = new Publisher(maxUnconfirmed, () => this.#store.ladderMayBeGone());
    this.#journal = new Journal({
      publisher: this.#publisher,
      layout: this.#layout,
      timeoutMs,
      warn: (code, message) => this.warn(code, message),
    });
    this.#store = new Store(this.#publisher, this.#journal, this.#layout, this.#links.consuming);
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
      link: this.#links.consuming,
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
    const { consuming } = this.#links;
    return consuming.isUp ? consuming.session : undefined;
  }

  async open(signal: AbortSignal): Promise<BrokerCapabilities> {
    try {
      await this.#links.open(signal);
      const managed = this.#management?.reach();
      await abortable(this.#store.prepare(), signal);
      const { queueType } = this.#settings.layout;
      const traits = serverTraits(this.#links.consuming.serverProperties, queueType);
      if (traits.warning !== undefined) this.warn("server-version", traits.warning);
      this.#links.watch();
      const { bands, ackTimeoutMs, maxMessageBytes } = this.#settings;
      const management = (await managed) === true;
      return rabbitMqCapabilities(traits, { queueType, bands, ackTimeoutMs, maxMessageBytes, management });
    } catch (error) {
      const given = rabbitMqError(error);
      if (!given.retryable || signal.aborted || this.#host.closed) {
        await this.#links.drop(CLOSE_MS);
      } else this.#host.events.emit({ type: "disconnected", error: given });
      throw error;
    }
  }

  publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
    return this.#publish.publish(messages);
  }

  async consume(terms: ConsumptionTerms<RabbitMqClaim>): Promise<HeldConsumption<RabbitMqClaim>> {
    const { queue } = terms;
    if ((await this.#journal.find(queue)) === undefined) throw new QueueNotFoundError(queue);
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
      ...diagnose(this.#links.consuming.serverProperties, { queueType, bands, ackTimeoutMs }, this.#publisher.blocked),
      ...(await managementFindings(this.#management, prefix)),
    ];
  }

  async close(): Promise<void> {
    await this.#publisher.close(CLOSE_MS);
    this.#journal.close();
    this.#pulse?.stop();
    this.#management?.close();
    await this.#links.close(CLOSE_MS);
  }

  // For feeds.

  get pulse(): Pulse {
    this.#pulse ??= new Pulse(this.#settings.heartbeatS * 1_000);
    return this.#pulse;
  }

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

  #cameUp(): void {
    this.#store.ladderMayBeGone();
    for (const feed of this.#feeds) feed.attach();
    this.requests.retryNow();
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
