import {
  type Broker,
  type BrokerCapabilities,
  type BrokerEvent,
  BrokerUnavailableError,
  type ConsumeOptions,
  type Consumption,
  type ControlChannel,
  type DeadLetter,
  type Delivery,
  type Diagnosis,
  isLovageError,
  type OutgoingMessage,
  type PublishOutcome,
  type QueueAdmin,
  type QueueDeclaration,
  type QueueDepth,
  type RevokeOutcome,
} from "../contracts/index.ts";
import { BrokerEvents } from "./broker-events.ts";
import { Connection } from "./connection.ts";
import type { ConsumptionHost, HeldConsumption } from "./held-consumption.ts";
import { atMost, withinDeadline } from "./patience.ts";
import type { BrokerRuntime } from "./runtime.ts";

/** What a runtime may know of the broker that it serves. */
export interface BrokerHost {
  readonly closed: boolean;
  /** For `disconnected` and `connected` after it, `blocked`, `warning` …; the rest is told without the runtime. */
  readonly events: BrokerEvents;
  /** The server said no to something that is tried again: told as a `warning`, the same one not again until a minute after its last time. */
  readonly trouble: (error: unknown) => void;
}

const QUIET_MS = 60_000;
/** Together less than the 5 s that closing may take. */
const LAST_WORDS_MS = 1_500;
const CLOSE_MS = 3_000;

/**
 * A broker of a server's ways. Keeps what the contract says of states, guards, events and closing, which is the same for every adapter;
 * `start` is called once, at once, and opens nothing yet.
 */
export function createBroker<Claim>(start: (host: BrokerHost) => BrokerRuntime<Claim>): Broker {
  return new RuntimeBroker(start);
}

class RuntimeBroker<Claim> implements Broker, BrokerHost, ConsumptionHost<Claim> {
  readonly events: BrokerEvents = new BrokerEvents();
  readonly control?: ControlChannel;
  readonly #connection = new Connection(this.events);
  readonly #runtime: BrokerRuntime<Claim>;
  readonly #troubles = new Map<string, number>();
  readonly #consumptions = new Set<HeldConsumption<Claim>>();
  readonly diagnose?: () => Promise<readonly Diagnosis[]>;
  #capabilities: BrokerCapabilities | undefined;

  constructor(start: (host: BrokerHost) => BrokerRuntime<Claim>) {
    const runtime = start(this);
    this.#runtime = runtime;
    if (runtime.control !== undefined) this.control = runtime.control;
    if (runtime.diagnose !== undefined) this.diagnose = () => this.#call("diagnose", () => runtime.diagnose?.() ?? []);
  }

  get name(): string {
    return this.#runtime.name;
  }

  get address(): string {
    return this.#runtime.address;
  }

  get closed(): boolean {
    return this.#connection.closed;
  }

  get requests(): BrokerRuntime<Claim>["requests"] {
    return this.#runtime.requests;
  }

  get capabilities(): BrokerCapabilities {
    this.#connection.checkReached();
    return this.#capabilities as BrokerCapabilities;
  }

  readonly trouble = (thrown: unknown): void => {
    const error = this.#errorOf(thrown);
    const { code, message } = isLovageError(error) ? error : new BrokerUnavailableError(String(error));
    const now = performance.now();
    const last = this.#troubles.get(message) ?? Number.NEGATIVE_INFINITY;
    for (const [told, at] of this.#troubles) if (at + QUIET_MS <= now) this.#troubles.delete(told);
    this.#troubles.set(message, now);
    if (last + QUIET_MS <= now) this.events.emit({ type: "warning", code, message });
  };

  connect(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#connection.connect(async (signal) => {
      this.#capabilities = await this.#translated(() => this.#runtime.open(signal));
    }, options.signal);
  }

  close(): Promise<void> {
    return this.#connection.close(() => this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  onEvent(listener: (event: BrokerEvent) => void): () => void {
    return this.events.on(listener);
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
    this.#connection.check();
    return this.#translated(() => this.#runtime.publish(messages));
  }

  async consume(options: ConsumeOptions, onDeliveries: (batch: readonly Delivery[]) => void): Promise<Consumption> {
    let inTime = true;
    const start = async (): Promise<HeldConsumption<Claim>> => {
      const consumption = await this.#runtime.consume({ ...options, onDeliveries, host: this });
      this.#consumptions.add(consumption);
      if (!inTime || this.closed) void consumption.giveBackAll();
      this.#connection.check();
      return consumption;
    };
    try {
      return await this.#call(`consume queue "${options.queue}"`, start);
    } finally {
      inTime = false;
    }
  }

  consumptionEnded(consumption: HeldConsumption<Claim>): void {
    this.#consumptions.delete(consumption);
  }

  ensureQueue(declaration: QueueDeclaration): Promise<void> {
    const { admin, newQueueMs = 0 } = this.#runtime;
    return this.#call("ensureQueue", () => admin.ensureQueue(declaration), newQueueMs);
  }

  queues(): Promise<readonly string[]> {
    return this.#admin("queues");
  }

  depth(queue: string): Promise<QueueDepth> {
    return this.#admin("depth", queue);
  }

  oldestReadyAge(queue: string): Promise<number | undefined> {
    return this.#admin("oldestReadyAge", queue);
  }

  pause(queue: string): Promise<void> {
    return this.#admin("pause", queue);
  }

  resume(queue: string): Promise<void> {
    return this.#admin("resume", queue);
  }

  revoke(ids: readonly string[]): Promise<readonly RevokeOutcome[]> {
    return this.#admin("revoke", ids);
  }

  purge(queue: string, options?: { readonly delayed?: boolean }): Promise<number> {
    return this.#admin("purge", queue, options);
  }

  deadLetters(queue: string, options?: Parameters<Broker["deadLetters"]>[1]): Promise<readonly DeadLetter[]> {
    return this.#admin("deadLetters", queue, options);
  }

  redrive(queue: string, ids: readonly string[] | "all"): Promise<number> {
    return this.#admin("redrive", queue, ids);
  }

  dropDead(queue: string, ids: readonly string[] | "all"): Promise<number> {
    return this.#admin("dropDead", queue, ids);
  }

  /** Consumptions of this connection need not find out by themselves. */
  async destroyQueue(queue: string): Promise<QueueDepth> {
    const depth = await this.#admin("destroyQueue", queue);
    for (const consumption of [...this.#consumptions]) if (consumption.queue === queue) consumption.queueLost();
    return depth;
  }

  #admin<K extends keyof QueueAdmin>(
    method: K,
    ...args: Parameters<QueueAdmin[K]>
  ): Promise<Awaited<ReturnType<QueueAdmin[K]>>> {
    const { admin } = this.#runtime;
    type Method = (...args: Parameters<QueueAdmin[K]>) => Awaited<ReturnType<QueueAdmin[K]>>;
    return this.#call(method, () => (admin[method] as unknown as Method).apply(admin, args));
  }

  async #call<T>(what: string, action: () => Promise<T> | T, moreMs = 0): Promise<T> {
    this.#connection.check();
    const { operationTimeoutMs } = this.#runtime;
    const called = this.#translated(action);
    return operationTimeoutMs === undefined ? called : withinDeadline(called, operationTimeoutMs + moreMs, what);
  }

  async #translated<T>(action: () => Promise<T> | T): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw this.#errorOf(error);
    }
  }

  #errorOf(error: unknown): unknown {
    return this.#runtime.errorOf?.(error) ?? error;
  }

  /** Gives back while it can still be asked; what deliveries ask from then on is refused. */
  async #close(): Promise<void> {
    const ended = [...this.#consumptions].map((consumption) => consumption.giveBackAll());
    await Promise.all([
      atMost(Promise.all(ended), LAST_WORDS_MS),
      atMost(Promise.resolve(this.control?.close()), LAST_WORDS_MS),
      this.#runtime.requests.close(LAST_WORDS_MS),
    ]);
    await atMost(Promise.resolve(this.#runtime.close()), CLOSE_MS);
    this.events.close();
  }
}
