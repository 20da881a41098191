import {
  type BrokerHost,
  type BrokerRuntime,
  type ConsumptionTerms,
  createBroker,
  type HeldConsumption,
} from "@lovage/core/brokers";
import {
  type Broker,
  type BrokerCapabilities,
  type ControlChannel,
  type Diagnosis,
  type OutgoingMessage,
  type PublishOutcome,
  QueueNotFoundError,
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

/** One worker's or producer's way to the file. */
class SqliteRuntime implements BrokerRuntime<SqliteClaim> {
  readonly name = "sqlite";
  readonly address: string;
  readonly control: ControlChannel;
  readonly admin: SqliteAdmin;
  readonly requests: Settlements;
  readonly #host: BrokerHost;
  readonly #tenancy: Tenancy;
  readonly #capabilities: BrokerCapabilities;
  readonly #publisher: SqlitePublisher;
  #open = false;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: SqliteBrokerOptions, host: BrokerHost) {
    const { maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES, maxBytes } = options;
    const settings = storageSettings(options);
    this.#host = host;
    this.#capabilities = sqliteCapabilities(atLeast(maxMessageBytes, 1, "maxMessageBytes"));
    this.address = `sqlite:${settings.path}`;
    this.#tenancy = enter(settings, "broker");
    this.admin = new SqliteAdmin(this.#store);
    const limit = maxBytes === undefined ? undefined : atLeast(maxBytes, 65_536, "maxBytes");
    this.#publisher = new SqlitePublisher(this.#store, this.#capabilities, limit);
    this.requests = new Settlements(this.#store);
    this.control = new SqliteControl(this.#store);
    this.#store.onEvent((event) => {
      if (this.#open) host.events.emit(event);
    });
  }

  async open(signal: AbortSignal): Promise<BrokerCapabilities> {
    await this.#store.open(signal);
    this.#open = true;
    if (!this.#host.closed) this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();
    return this.#capabilities;
  }

  publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
    return this.#publisher.publish(messages);
  }

  async consume(terms: ConsumptionTerms<SqliteClaim>): Promise<HeldConsumption<SqliteClaim>> {
    if (!(await this.#store.run("hasQueue", terms.queue))) throw new QueueNotFoundError(terms.queue);
    return new SqliteFeed(terms, this.#store).consumption;
  }

  async diagnose(): Promise<readonly Diagnosis[]> {
    return diagnose(await this.#store.run("report", null), this.#store.settings.path);
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    await this.#tenancy.leave();
  }

  get #store(): SqliteStore {
    return this.#tenancy.store;
  }

  /** What has expired goes. It may fail like anything else; the next one comes in a second. */
  #sweep(): void {
    this.#store.ask("sweep", null, { done: (more) => more && this.#sweep(), gaveUp: () => {}, closed: () => {} });
  }
}

/**
 * The embedded broker: one SQLite file shared by any number of processes on one machine, no server. A string is the path of the
 * file. Throws `ConfigurationError` for options that cannot work; what is wrong with the file shows at `connect()`.
 */
export function sqliteBroker(options: SqliteBrokerOptions | string): Broker {
  const given = typeof options === "string" ? { path: options } : options;
  return createBroker((host) => new SqliteRuntime(given, host));
}
