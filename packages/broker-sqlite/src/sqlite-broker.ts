import {
  type Broker,
  type BrokerCapabilities,
  BrokerClosedError,
  type BrokerEvent,
  BrokerUnavailableError,
  ConfigurationError,
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
import { type ConsumptionHost, SqliteConsumption } from "./sqlite-consumption.ts";
import { SqliteControl } from "./sqlite-control.ts";
import { diagnose } from "./sqlite-diagnosis.ts";
import { atLeast, DEFAULT_MAX_MESSAGE_BYTES, type SqliteBrokerOptions, storageSettings } from "./sqlite-options.ts";
import { SqlitePublisher } from "./sqlite-publisher.ts";
import { Settlements } from "./sqlite-settlements.ts";
import { enter, type Tenancy } from "./sqlite-sharing.ts";
import type { SqliteStore } from "./sqlite-store.ts";

const SWEEP_MS = 1_000;

/** One worker's or producer's way to the file: new → (connect) connected → (close) closed. */
class SqliteBroker implements Broker, ConsumptionHost {
  readonly name = "sqlite";
  readonly address: string;
  readonly control: ControlChannel;
  readonly settlements: Settlements;
  readonly #tenancy: Tenancy;
  readonly #admin: SqliteAdmin;
  readonly #capabilities: BrokerCapabilities;
  readonly #publisher: SqlitePublisher;
  readonly #consumptions = new Set<SqliteConsumption>();
  readonly #listeners = new Set<(event: BrokerEvent) => void>();
  readonly #lost = new Map<string, string[]>();
  #state: "new" | "connected" | "closed" = "new";
  #closing: Promise<void> | undefined;
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
    this.settlements = new Settlements(this.store);
    this.control = new SqliteControl(this.store);
    this.store.onEvent((event) => {
      if (this.#state === "connected") this.#emit(event);
    });
  }

  get store(): SqliteStore {
    return this.#tenancy.store;
  }

  get closed(): boolean {
    return this.#state === "closed";
  }

  get capabilities(): BrokerCapabilities {
    if (this.#state === "new") throw new BrokerUnavailableError("the broker is not connected; await connect() first");
    return this.#capabilities;
  }

  async connect(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.closed) throw new BrokerClosedError();
    await this.store.open(options.signal);
    if (this.closed) throw new BrokerClosedError();
    if (this.#state === "connected") return;
    this.#state = "connected";
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();
    this.#emit({ type: "connected" });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  onEvent(listener: (event: BrokerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
    this.#check();
    return this.#publisher.publish(messages);
  }

  async consume(options: ConsumeOptions, onDeliveries: (batch: readonly Delivery[]) => void): Promise<Consumption> {
    this.#check();
    const { queue, credit } = options;
    if (!(credit >= 0)) throw new ConfigurationError(`credit is ${credit}; give a number of at least 0`);
    if (!(await this.store.run("hasQueue", queue))) throw new QueueNotFoundError(queue);
    this.#check();
    const consumption = new SqliteConsumption(queue, credit, this, onDeliveries);
    this.#consumptions.add(consumption);
    return consumption;
  }

  async ensureQueue(declaration: QueueDeclaration): Promise<void> {
    this.#check();
    await this.#admin.ensureQueue(declaration);
  }

  async queues(): Promise<readonly string[]> {
    this.#check();
    return this.#admin.queues();
  }

  async depth(queue: string): Promise<QueueDepth> {
    this.#check();
    return this.#admin.depth(queue);
  }

  async oldestReadyAge(queue: string): Promise<number | undefined> {
    this.#check();
    return this.#admin.oldestReadyAge(queue);
  }

  async pause(queue: string): Promise<void> {
    this.#check();
    await this.#admin.pause(queue);
  }

  async resume(queue: string): Promise<void> {
    this.#check();
    await this.#admin.resume(queue);
  }

  async revoke(ids: readonly string[]): Promise<readonly RevokeOutcome[]> {
    this.#check();
    return this.#admin.revoke(ids);
  }

  async purge(queue: string, options: { readonly delayed?: boolean } = {}): Promise<number> {
    this.#check();
    return this.#admin.purge(queue, options);
  }

  async deadLetters(
    queue: string,
    options: { readonly limit?: number; readonly after?: string; readonly ids?: readonly string[] } = {},
  ): Promise<readonly DeadLetter[]> {
    this.#check();
    return this.#admin.deadLetters(queue, options);
  }

  async redrive(queue: string, ids: readonly string[] | "all"): Promise<number> {
    this.#check();
    return this.#admin.redrive(queue, ids);
  }

  async dropDead(queue: string, ids: readonly string[] | "all"): Promise<number> {
    this.#check();
    return this.#admin.dropDead(queue, ids);
  }

  async destroyQueue(queue: string): Promise<QueueDepth> {
    this.#check();
    return this.#admin.destroyQueue(queue);
  }

  async diagnose(): Promise<readonly Diagnosis[]> {
    this.#check();
    return diagnose(await this.store.run("report", null), this.store.settings.path);
  }

  consumptionEnded(consumption: SqliteConsumption): void {
    this.#consumptions.delete(consumption);
  }

  /** Told once per queue for all that are found lost together. */
  ownershipLost(queue: string, id: string): void {
    if (this.closed) return;
    if (this.#lost.size === 0) setImmediate(() => this.#tellLost());
    const ids = this.#lost.get(queue);
    if (ids === undefined) this.#lost.set(queue, [id]);
    else ids.push(id);
  }

  queueLost(queue: string): void {
    this.#emit({ type: "queue-lost", queue });
  }

  #tellLost(): void {
    const lost = [...this.#lost];
    this.#lost.clear();
    for (const [queue, ids] of lost) this.#emit({ type: "ownership-lost", queue, ids });
  }

  async #close(): Promise<void> {
    const was = this.#state;
    clearInterval(this.#sweeper);
    if (was === "connected") {
      for (const consumption of [...this.#consumptions]) consumption.giveBackAll();
      this.#state = "closed";
      await this.control.close();
      await this.store.settled();
    }
    this.#state = "closed";
    this.settlements.close();
    await this.#tenancy.leave();
    this.#listeners.clear();
  }

  /** What has expired goes. It may fail like anything else; the next one comes in a second. */
  #sweep(): void {
    this.store.ask("sweep", null, { done: (more) => more && this.#sweep(), gaveUp: () => {}, closed: () => {} });
  }

  #check(): void {
    if (this.#state === "closed") throw new BrokerClosedError();
    if (this.#state === "new") throw new BrokerUnavailableError("the broker is not connected; await connect() first");
  }

  #emit(event: BrokerEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/**
 * The embedded broker: one SQLite file shared by any number of processes on one machine, no server. A string is the path of the
 * file. Throws `ConfigurationError` for options that cannot work; what is wrong with the file shows at `connect()`.
 */
export function sqliteBroker(options: SqliteBrokerOptions | string): Broker {
  return new SqliteBroker(typeof options === "string" ? { path: options } : options);
}
