import {
  type Broker,
  type BrokerCapabilities,
  BrokerClosedError,
  type BrokerEvent,
  BrokerUnavailableError,
  type ConsumeOptions,
  type Consumption,
  type ControlChannel,
  type DeadLetter,
  type Delivery,
  type OutgoingMessage,
  type PublishOutcome,
  type QueueDeclaration,
  type QueueDepth,
  type RevokeOutcome,
} from "../contracts/index.ts";
import type { DeadLetterQuery } from "./dead-letters.ts";
import { type ConsumptionHost, MemoryConsumption } from "./memory-consumption.ts";
import { MemoryControl } from "./memory-control.ts";
import type { MemoryBrokerOptions } from "./memory-options.ts";
import { MemoryServer } from "./memory-server.ts";

/**
 * One connection to a {@link MemoryServer}: new → (connect) connected → (close) closed. The server does each thing within the call,
 * so what is asked in one tick needs no command to be sent; promises are there for the contract's sake.
 */
class MemoryBroker implements Broker, ConsumptionHost {
  readonly name = "memory";
  readonly control: ControlChannel;
  readonly #server: MemoryServer;
  readonly #consumptions = new Set<MemoryConsumption>();
  readonly #listeners = new Set<(event: BrokerEvent) => void>();
  readonly #lost = new Map<string, string[]>();
  #state: "new" | "connected" | "closed" = "new";

  constructor(server: MemoryServer) {
    this.#server = server;
    this.control = new MemoryControl(server.control, server.clock);
  }

  get address(): string {
    return `memory:${this.#server.name}`;
  }

  get capabilities(): BrokerCapabilities {
    if (this.#state === "new") throw new BrokerUnavailableError("the broker is not connected; await connect() first");
    return this.#server.capabilities;
  }

  get closed(): boolean {
    return this.#state === "closed";
  }

  async connect(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    options.signal?.throwIfAborted();
    if (this.#state === "closed") throw new BrokerClosedError();
    if (this.#state === "connected") return;
    this.#state = "connected";
    this.#server.connected();
    this.#emit({ type: "connected" });
  }

  async close(): Promise<void> {
    const was = this.#state;
    this.#state = "closed";
    if (was === "closed") return;
    for (const consumption of [...this.#consumptions]) {
      consumption.end();
      consumption.giveBackAll();
    }
    await this.control.close();
    if (was === "connected") this.#server.disconnected();
    this.#listeners.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  onEvent(listener: (event: BrokerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
    const server = this.#connected();
    return messages.map((message) => server.publish(message));
  }

  async consume(options: ConsumeOptions, onDeliveries: (batch: readonly Delivery[]) => void): Promise<Consumption> {
    const queue = this.#connected().queue(options.queue);
    const consumption = new MemoryConsumption(queue, this, options.credit, onDeliveries);
    this.#consumptions.add(consumption);
    return consumption;
  }

  async ensureQueue(declaration: QueueDeclaration): Promise<void> {
    this.#connected().ensureQueue(declaration);
  }

  async queues(): Promise<readonly string[]> {
    return this.#connected().queueNames();
  }

  async depth(queue: string): Promise<QueueDepth> {
    return this.#connected().queue(queue).depth();
  }

  async oldestReadyAge(queue: string): Promise<number | undefined> {
    return this.#connected().queue(queue).oldestReadyAge();
  }

  async pause(queue: string): Promise<void> {
    this.#connected().queue(queue).pause();
  }

  async resume(queue: string): Promise<void> {
    this.#connected().queue(queue).resume();
  }

  async revoke(ids: readonly string[]): Promise<readonly RevokeOutcome[]> {
    const server = this.#connected();
    return ids.map((id) => server.revoke(id));
  }

  async purge(queue: string, options: { readonly delayed?: boolean } = {}): Promise<number> {
    return this.#connected()
      .queue(queue)
      .purge(options.delayed ?? false);
  }

  async deadLetters(queue: string, options: DeadLetterQuery = {}): Promise<readonly DeadLetter[]> {
    return this.#connected().queue(queue).dead.list(queue, options);
  }

  async redrive(queue: string, ids: readonly string[] | "all"): Promise<number> {
    return this.#connected().redrive(queue, ids);
  }

  async dropDead(name: string, ids: readonly string[] | "all"): Promise<number> {
    const queue = this.#connected().queue(name);
    let dropped = 0;
    for (const entry of queue.dead.select(ids)) {
      queue.dropDead(entry);
      dropped += 1;
    }
    return dropped;
  }

  async destroyQueue(queue: string): Promise<QueueDepth> {
    return this.#connected().destroyQueue(queue);
  }

  consumptionEnded(consumption: MemoryConsumption): void {
    this.#consumptions.delete(consumption);
  }

  queueLost(queue: string): void {
    this.#emit({ type: "queue-lost", queue });
  }

  /** What is lost in one go is told in one event, after all `lost` signals of it. */
  ownershipLost(queue: string, id: string): void {
    if (this.#state === "closed") return;
    const ids = this.#lost.get(queue);
    if (ids !== undefined) {
      ids.push(id);
      return;
    }
    const fresh = [id];
    this.#lost.set(queue, fresh);
    queueMicrotask(() => {
      this.#lost.delete(queue);
      this.#emit({ type: "ownership-lost", queue, ids: fresh });
    });
  }

  #connected(): MemoryServer {
    if (this.#state === "connected") return this.#server;
    if (this.#state === "closed") throw new BrokerClosedError();
    throw new BrokerUnavailableError("the broker is not connected; await connect() first");
  }

  #emit(event: BrokerEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}

/**
 * The reference broker, in this process's memory: every promise of the contract at its strictest, except that nothing outlives the
 * process. For tests, for tasks that may be lost with the process, and to be read. Without `server` it has one of its own.
 */
export function memoryBroker(options: MemoryBrokerOptions = {}): Broker & { readonly control: ControlChannel } {
  return new MemoryBroker(options.server ?? new MemoryServer(options));
}
