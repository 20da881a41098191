import {
  BrokerEvents,
  Connection,
  type ConsumptionHost,
  type HeldConsumption,
  type RequestSink,
} from "@lovage/core/brokers";
import {
  type Broker,
  type BrokerCapabilities,
  type BrokerEvent,
  type ConsumeOptions,
  type Consumption,
  type ControlChannel,
  type DeadLetter,
  type Delivery,
  type Diagnosis,
  type OutgoingMessage,
  type PublishOutcome,
  type QueueDeclaration,
  type QueueDepth,
  QueueNotFoundError,
  type RevokeOutcome,
} from "@lovage/core/contracts";
import { SqliteAdmin } from "./sqlite-admin.ts";
import { sqliteCapabilities } from "./sqlite-capabilities.ts";
import { SqliteFeed } from "./sqlite-consumption.ts";
import { SqliteControl } from "./sqlite-control.ts";
import { diagnose } from "./sqlite-diagnosis.ts";
import { atLeast, DEFAULT_MAX_MESSAGE_BYTES, type SqliteBrokerOptions, storageSettings } from "./sqlite-options.ts";
import { SqlitePublisher } from "./sqlite-publisher.ts";
import { Settlements, type SqliteClaim } from "./sqlite-settlements.ts";
import { enter, type Tenancy } from "./sqlite-sharing.ts";
import type { SqliteStore } from "./sqlite-store.ts";

const SWEEP_MS = 1_000;

/** One worker's or producer's way to the file: new → (connect) connected → (close) closed. */
class SqliteBroker implements Broker, ConsumptionHost<SqliteClaim> {
  readonly name = "sqlite";
  readonly address: string;
  readonly control: ControlChannel;
  readonly events: BrokerEvents = new BrokerEvents();
  readonly #connection = new Connection(this.events);
  readonly #settlements: Settlements;
  readonly #tenancy: Tenancy;
  readonly #admin: SqliteAdmin;
  readonly #capabilities: BrokerCapabilities;
  readonly #publisher: SqlitePublisher;
  readonly #consumptions = new Set<HeldConsumption<SqliteClaim>>();
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: SqliteBrokerOptions) {
    const { maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES, maxBytes } = options;
    const settings = storageSettings(options);
    this.#capabilities = sqliteCapabilities(atLeast(maxMessageBytes, 1, "maxMessageBytes"));
    this.address = `sqlite:${settings.path}`;
    this.#tenancy = enter(settings, "broker");
    this.#admin = new SqliteAdmin(this.store);
    const limit = maxBytes === undefined ? undefined : atLeast(maxBytes, 65_536, "maxBytes");
    this.#publisher = new SqlitePublisher(this.store, this.#capabilities, limit);
    this.#settlements = new Settlements(this.store);
    this.control = new SqliteControl(this.store);
    this.store.onEvent((event) => {
      if (this.#connection.connected) this.events.emit(event);
    });
  }

  get store(): SqliteStore {
    return this.#tenancy.store;
  }

  get requests(): RequestSink<SqliteClaim> {
    return this.#settlements.requests;
  }

  get closed(): boolean {
    return this.#connection.closed;
  }

  get capabilities(): BrokerCapabilities {
    this.#connection.checkReached();
    return this.#capabilities;
  }

  connect(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#connection.connect(async (signal) => {
      await this.store.open(signal);
      if (!this.closed) this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
    }, options.signal);
  }

  close(): Promise<void> {
    return this.#connection.close((wasConnected) => this.#close(wasConnected));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  onEvent(listener: (event: BrokerEvent) => void): () => void {
    return this.events.on(listener);
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
    this.#connection.check();
    return this.#publisher.publish(messages);
  }

  async consume(options: ConsumeOptions, onDeliveries: (batch: readonly Delivery[]) => void): Promise<Consumption> {
    this.#connection.check();
    if (!(await this.store.run("hasQueue", options.queue))) throw new QueueNotFoundError(options.queue);
    this.#connection.check();
    const { consumption } = new SqliteFeed(options, onDeliveries, this, this.store);
    this.#consumptions.add(consumption);
    return consumption;
  }

  async ensureQueue(declaration: QueueDeclaration): Promise<void> {
    this.#connection.check();
    await this.#admin.ensureQueue(declaration);
  }

  async queues(): Promise<readonly string[]> {
    this.#connection.check();
    return this.#admin.queues();
  }

  async depth(queue: string): Promise<QueueDepth> {
    this.#connection.check();
    return this.#admin.depth(queue);
  }

  async oldestReadyAge(queue: string): Promise<number | undefined> {
    this.#connection.check();
    return this.#admin.oldestReadyAge(queue);
  }

  async pause(queue: string): Promise<void> {
    this.#connection.check();
    await this.#admin.pause(queue);
  }

  async resume(queue: string): Promise<void> {
    this.#connection.check();
    await this.#admin.resume(queue);
  }

  async revoke(ids: readonly string[]): Promise<readonly RevokeOutcome[]> {
    this.#connection.check();
    return this.#admin.revoke(ids);
  }

  async purge(queue: string, options: { readonly delayed?: boolean } = {}): Promise<number> {
    this.#connection.check();
    return this.#admin.purge(queue, options);
  }

  async deadLetters(
    queue: string,
    options: { readonly limit?: number; readonly after?: string; readonly ids?: readonly string[] } = {},
  ): Promise<readonly DeadLetter[]> {
    this.#connection.check();
    return this.#admin.deadLetters(queue, options);
  }

  async redrive(queue: string, ids: readonly string[] | "all"): Promise<number> {
    this.#connection.check();
    return this.#admin.redrive(queue, ids);
  }

  async dropDead(queue: string, ids: readonly string[] | "all"): Promise<number> {
    this.#connection.check();
    return this.#admin.dropDead(queue, ids);
  }

  async destroyQueue(queue: string): Promise<QueueDepth> {
    this.#connection.check();
    return this.#admin.destroyQueue(queue);
  }

  async diagnose(): Promise<readonly Diagnosis[]> {
    this.#connection.check();
    return diagnose(await this.store.run("report", null), this.store.settings.path);
  }

  consumptionEnded(consumption: HeldConsumption<SqliteClaim>): void {
    this.#consumptions.delete(consumption);
  }

  async #close(wasConnected: boolean): Promise<void> {
    clearInterval(this.#sweeper);
    if (wasConnected) {
      for (const consumption of [...this.#consumptions]) void consumption.giveBackAll();
      await this.control.close();
      await this.store.settled();
    }
    this.#settlements.close();
    await this.#tenancy.leave();
    this.events.close();
  }

  /** What has expired goes. It may fail like anything else; the next one comes in a second. */
  #sweep(): void {
    this.store.ask("sweep", null, { done: (more) => more && this.#sweep(), gaveUp: () => {}, closed: () => {} });
  }
}

/**
 * The embedded broker: one SQLite file shared by any number of processes on one machine, no server. A string is the path of the
 * file. Throws `ConfigurationError` for options that cannot work; what is wrong with the file shows at `connect()`.
 */
export function sqliteBroker(options: SqliteBrokerOptions | string): Broker {
  return new SqliteBroker(typeof options === "string" ? { path: options } : options);
}
