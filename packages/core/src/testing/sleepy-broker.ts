import {
  type Broker,
  type BrokerCapabilities,
  type BrokerEvent,
  type ConsumeOptions,
  type Consumption,
  type ControlChannel,
  type DeadLetter,
  type Delivery,
  isLovageError,
  type OutgoingMessage,
  type PublishOutcome,
  type QueueDeclaration,
  type QueueDepth,
  type RevokeOutcome,
} from "../contracts/index.ts";
import { Sleep, type SleepState } from "./sleep.ts";
import { SleepyControl } from "./sleepy-control.ts";
import { SleepyDelivery } from "./sleepy-delivery.ts";

export interface SleepyBroker extends Broker {
  /** The state of the wire. */
  readonly sleep: SleepState;
  /** Nothing passes in either direction and nobody is told, as on a half-open connection. Leases run on. */
  hang(): void;
  /** As {@link hang}, with the `disconnected` event; {@link wake} sends `connected`. */
  disconnect(): void;
  /** Calls reach the broker, answers and deliveries do not come back. */
  dropReplies(): void;
  /** What waited is sent, deliveries that are still ours are handed over; a publish whose answer was lost becomes `unknown`. */
  wake(): void;
}

export interface SleepyBrokerOptions {
  /** How long a call other than a settlement waits for its answer, in ms. Default 10,000. */
  readonly operationTimeoutMs?: number;
}

/**
 * Puts a wire between the caller and `inner` that can fail as networks do, at the level of the contract and for any broker. Settlements
 * wait for as long as it takes; other calls end at their deadline, a publish as `unknown`. Closing reaches `inner` in any state.
 */
export function sleepyBroker(inner: Broker, options: SleepyBrokerOptions = {}): SleepyBroker {
  return new Sleepy(inner, options.operationTimeoutMs ?? 10_000);
}

class Sleepy implements SleepyBroker {
  readonly #inner: Broker;
  readonly #sleep: Sleep;
  readonly #control: ControlChannel | undefined;
  readonly #listeners = new Set<(event: BrokerEvent) => void>();
  readonly #consumptions = new Set<SleepyConsumption>();

  constructor(inner: Broker, operationTimeoutMs: number) {
    this.#inner = inner;
    this.#sleep = new Sleep(operationTimeoutMs);
    this.#control = inner.control === undefined ? undefined : new SleepyControl(inner.control, this.#sleep);
    inner.onEvent((event) => this.#emit(event));
  }

  get name(): string {
    return this.#inner.name;
  }

  get address(): string {
    return this.#inner.address;
  }

  get capabilities(): BrokerCapabilities {
    return this.#inner.capabilities;
  }

  get control(): ControlChannel {
    return this.#control as ControlChannel;
  }

  get sleep(): SleepState {
    return this.#sleep.state;
  }

  hang(): void {
    this.#sleep.fall("hanging");
  }

  disconnect(): void {
    if (this.sleep === "disconnected") return;
    this.#sleep.fall("disconnected");
    this.#emit({ type: "disconnected" });
  }

  dropReplies(): void {
    this.#sleep.fall("deaf");
  }

  wake(): void {
    const was = this.sleep;
    this.#sleep.wake();
    if (was === "disconnected") this.#emit({ type: "connected" });
    for (const consumption of [...this.#consumptions]) consumption.woken();
  }

  async connect(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (!this.#sleep.awake) await this.#sleep.woken(options);
    await this.#inner.connect(options);
  }

  async close(): Promise<void> {
    this.#sleep.close();
    this.#consumptions.clear();
    await this.#inner.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  onEvent(listener: (event: BrokerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
    try {
      return await this.#sleep.ask(() => this.#inner.publish(messages));
    } catch (error) {
      if (!isLovageError(error, "BROKER_UNAVAILABLE")) throw error;
      return messages.map(({ id }) => ({ id, status: "unknown", error }));
    }
  }

  async consume(options: ConsumeOptions, onDeliveries: (batch: readonly Delivery[]) => void): Promise<Consumption> {
    return this.#sleep.ask(async () => {
      const consumption = new SleepyConsumption(this.#sleep, options.credit, onDeliveries, () =>
        this.#consumptions.delete(consumption),
      );
      consumption.inner = await this.#inner.consume(options, (batch) => consumption.receive(batch));
      this.#consumptions.add(consumption);
      return consumption;
    });
  }

  ensureQueue(declaration: QueueDeclaration): Promise<void> {
    return this.#sleep.ask(() => this.#inner.ensureQueue(declaration));
  }

  queues(): Promise<readonly string[]> {
    return this.#sleep.ask(() => this.#inner.queues());
  }

  depth(queue: string): Promise<QueueDepth> {
    return this.#sleep.ask(() => this.#inner.depth(queue));
  }

  oldestReadyAge(queue: string): Promise<number | undefined> {
    return this.#sleep.ask(() => this.#inner.oldestReadyAge(queue));
  }

  pause(queue: string): Promise<void> {
    return this.#sleep.ask(() => this.#inner.pause(queue));
  }

  resume(queue: string): Promise<void> {
    return this.#sleep.ask(() => this.#inner.resume(queue));
  }

  revoke(ids: readonly string[]): Promise<readonly RevokeOutcome[]> {
    return this.#sleep.ask(() => this.#inner.revoke(ids));
  }

  purge(queue: string, options?: { readonly delayed?: boolean }): Promise<number> {
    return this.#sleep.ask(() => this.#inner.purge(queue, options));
  }

  deadLetters(
    queue: string,
    options?: { readonly limit?: number; readonly after?: string; readonly ids?: readonly string[] },
  ): Promise<readonly DeadLetter[]> {
    return this.#sleep.ask(() => this.#inner.deadLetters(queue, options));
  }

  redrive(queue: string, ids: readonly string[] | "all"): Promise<number> {
    return this.#sleep.ask(() => this.#inner.redrive(queue, ids));
  }

  dropDead(queue: string, ids: readonly string[] | "all"): Promise<number> {
    return this.#sleep.ask(() => this.#inner.dropDead(queue, ids));
  }

  destroyQueue(queue: string): Promise<QueueDepth> {
    return this.#sleep.ask(() => this.#inner.destroyQueue(queue));
  }

  #emit(event: BrokerEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}

/** Holds back what arrives during sleep; on waking, hands over what is still ours. */
class SleepyConsumption implements Consumption {
  inner: Consumption | undefined;
  readonly #sleep: Sleep;
  readonly #onDeliveries: (batch: readonly Delivery[]) => void;
  readonly #ended: () => void;
  #held: Delivery[] = [];
  #credit: number;
  #open = true;

  constructor(sleep: Sleep, credit: number, onDeliveries: (batch: readonly Delivery[]) => void, ended: () => void) {
    this.#sleep = sleep;
    this.#credit = credit;
    this.#onDeliveries = onDeliveries;
    this.#ended = ended;
  }

  get queue(): string {
    return this.inner?.queue ?? "";
  }

  get unsettled(): number {
    return this.inner?.unsettled ?? 0;
  }

  setCredit(credit: number): void {
    this.#credit = credit;
    if (this.#sleep.awake) this.inner?.setCredit(credit);
  }

  receive(batch: readonly Delivery[]): void {
    if (this.#sleep.awake) this.#onDeliveries(batch.map((delivery) => new SleepyDelivery(delivery, this.#sleep)));
    else this.#held.push(...batch);
  }

  woken(): void {
    const held = this.#held.filter((delivery) => !delivery.lost.aborted);
    this.#held = [];
    if (!this.#open) {
      for (const delivery of held) void delivery.release();
      this.#ended();
      return;
    }
    this.inner?.setCredit(this.#credit);
    if (held.length > 0) this.receive(held);
  }

  async stop(): Promise<void> {
    this.#open = false;
    await this.inner?.stop();
    if (this.#sleep.awake) this.woken();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
