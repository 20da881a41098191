import { mkdirSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import {
  type Broker,
  type BrokerCapabilities,
  BrokerClosedError,
  type BrokerEvent,
  BrokerUnavailableError,
  type ConsumeOptions,
  type Consumption,
  type DeadLetter,
  type Delivery,
  type OutgoingMessage,
  type PublishOutcome,
  PublishRefusedError,
  type QueueDeclaration,
  type QueueDepth,
  type RevokeOutcome,
  refusal,
} from "@lovage/core/contracts";
import { POLL_MS, SPOOL_CAPABILITIES } from "./spool-capabilities.ts";
import { type ConsumptionHost, SpoolConsumption } from "./spool-consumption.ts";
import { spoolError } from "./spool-errors.ts";
import { isId, type Ticket } from "./spool-layout.ts";
import { SpoolQueue } from "./spool-queue.ts";
import { SpoolRevocations } from "./spool-revocations.ts";

const QUEUE_FOLDER = /^([A-Za-z0-9._-]{1,128})\.queue$/;

export interface SpoolOptions {
  /** Where the spool is; made when it is not there. All who use it must see the same disk. */
  readonly folder: string;
}

/**
 * new → (connect) connected → (close) closed. All work on the folder is done within the call: a rename on a local disk takes
 * microseconds, and what is done at once needs no order to be kept. For a disk that is slow, this is the wrong broker.
 */
class SpoolBroker implements Broker, ConsumptionHost {
  readonly name = "spool";
  readonly address: string;
  readonly #folder: string;
  readonly #revocations: SpoolRevocations;
  readonly #consumptions = new Set<SpoolConsumption>();
  readonly #listeners = new Set<(event: BrokerEvent) => void>();
  readonly #closing = new AbortController();
  #state: "new" | "connected" | "closed" = "new";
  #lastTrouble: string | undefined;

  constructor({ folder }: SpoolOptions) {
    this.#folder = resolve(folder);
    this.address = `spool:${this.#folder}`;
    this.#revocations = new SpoolRevocations(this.#folder);
  }

  get capabilities(): BrokerCapabilities {
    if (this.#state === "new") throw notConnected();
    return SPOOL_CAPABILITIES;
  }

  get closed(): boolean {
    return this.#state === "closed";
  }

  async connect({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    signal?.throwIfAborted();
    if (this.#state === "closed") throw new BrokerClosedError();
    if (this.#state === "connected") return;
    this.#try(() => {
      mkdirSync(this.#folder, { recursive: true });
      this.#revocations.prepare();
    });
    this.#state = "connected";
    this.#emit({ type: "connected" });
  }

  async close(): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#closing.abort();
    for (const consumption of [...this.#consumptions]) {
      consumption.end();
      consumption.surrenderAll();
    }
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
    return this.#connected(() => messages.map((message) => this.#publish(message)));
  }

  async consume(options: ConsumeOptions, onDeliveries: (batch: readonly Delivery[]) => void): Promise<Consumption> {
    return this.#connected(() => {
      const consumption = new SpoolConsumption(this.#declared(options.queue), this, options, onDeliveries);
      this.#consumptions.add(consumption);
      return consumption;
    });
  }

  async ensureQueue(declaration: QueueDeclaration): Promise<void> {
    this.#connected(() => this.#queue(declaration.name).declare(declaration));
  }

  async queues(): Promise<readonly string[]> {
    return this.#connected(() => this.#queues().map(({ name }) => name));
  }

  async depth(queue: string): Promise<QueueDepth> {
    return this.#connected(() => this.#declared(queue).depth());
  }

  async oldestReadyAge(queue: string): Promise<undefined> {
    this.#connected(() => this.#declared(queue));
  }

  async pause(queue: string): Promise<void> {
    this.#connected(() => {
      this.#declared(queue).paused = true;
    });
  }

  async resume(queue: string): Promise<void> {
    this.#connected(() => {
      this.#declared(queue).paused = false;
    });
  }

  async revoke(ids: readonly string[]): Promise<readonly RevokeOutcome[]> {
    return this.#connected(() => {
      const status = new Map<string, RevokeOutcome["status"]>(ids.map((id) => [id, "absent"]));
      for (const id of ids) if (isId(id)) this.#revocations.add(id);
      for (const queue of this.#queues()) {
        for (const place of ["ready", "delayed"] as const) {
          for (const ticket of queue.list(place)) {
            if (status.has(ticket.id) && queue.remove(place, ticket)) status.set(ticket.id, "removed");
          }
        }
        for (const { id } of queue.list("claimed")) if (status.get(id) === "absent") status.set(id, "owned");
      }
      return ids.map((id) => ({ id, status: status.get(id) ?? "absent" }));
    });
  }

  async purge(name: string, { delayed = false }: { readonly delayed?: boolean } = {}): Promise<number> {
    return this.#connected(() => {
      const queue = this.#declared(name);
      const places = delayed ? (["delayed", "ready"] as const) : (["ready"] as const);
      return places.flatMap((place) => queue.list(place).filter((ticket) => queue.remove(place, ticket))).length;
    });
  }

  async deadLetters(
    queue: string,
    options: { readonly limit?: number; readonly after?: string; readonly ids?: readonly string[] } = {},
  ): Promise<readonly DeadLetter[]> {
    return this.#connected(() => this.#declared(queue).deadLetters(options));
  }

  async redrive(name: string, ids: readonly string[] | "all"): Promise<number> {
    return this.#eachDead(name, ids, (queue, letter) => queue.redrive(letter));
  }

  async dropDead(name: string, ids: readonly string[] | "all"): Promise<number> {
    return this.#eachDead(name, ids, (queue, letter) => queue.remove("dead", letter));
  }

  async destroyQueue(queue: string): Promise<QueueDepth> {
    return this.#connected(() => {
      const depth = this.#declared(queue).destroy();
      // Consumers elsewhere notice at their next poll.
      for (const consumption of [...this.#consumptions]) if (consumption.queue === queue) consumption.queueDestroyed();
      return depth;
    });
  }

  // For consumptions.

  consumptionEnded(consumption: SpoolConsumption): void {
    this.#consumptions.delete(consumption);
  }

  ownershipLost(queue: string, id: string): void {
    this.#emit({ type: "ownership-lost", queue, ids: [id] });
  }

  queueLost(queue: string): void {
    this.#emit({ type: "queue-lost", queue });
  }

  /** What the disk says is told once, not at every try. */
  async trouble(error: unknown): Promise<void> {
    const { code, message } = spoolError(error, this.#folder);
    if (message !== this.#lastTrouble) this.#emit({ type: "warning", code, message });
    this.#lastTrouble = message;
    await setTimeout(POLL_MS, undefined, { signal: this.#closing.signal }).catch(() => {});
  }

  #publish(message: OutgoingMessage): PublishOutcome {
    const { id } = message;
    try {
      const error = isId(id) ? refusal(message, SPOOL_CAPABILITIES) : idRefused(message);
      if (error !== undefined) return { id, status: "refused", error };
      const queue = this.#declared(message.queue);
      if (!this.#revocations.has(id)) queue.add(message);
      return { id, status: "accepted" };
    } catch (error) {
      // The rename that makes it a message is the last step: where anything failed, it is not there.
      return { id, status: "refused", error: spoolError(error, this.#folder) };
    }
  }

  #eachDead(name: string, ids: readonly string[] | "all", act: (queue: SpoolQueue, letter: Ticket) => boolean): number {
    return this.#connected(() => {
      const queue = this.#declared(name);
      const letters = queue.list("dead").filter(({ id }) => ids === "all" || ids.includes(id));
      return letters.filter((letter) => act(queue, letter)).length;
    });
  }

  #queue(name: string): SpoolQueue {
    return new SpoolQueue(this.#folder, name, this.#revocations);
  }

  #declared(name: string): SpoolQueue {
    const queue = this.#queue(name);
    void queue.settings;
    return queue;
  }

  #queues(): SpoolQueue[] {
    const names = readdirSync(this.#folder).flatMap((folder) => QUEUE_FOLDER.exec(folder)?.[1] ?? []);
    return names.sort().map((name) => this.#queue(name));
  }

  #connected<T>(action: () => T): T {
    if (this.#state === "closed") throw new BrokerClosedError();
    if (this.#state === "new") throw notConnected();
    return this.#try(action);
  }

  #try<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw spoolError(error, this.#folder);
    }
  }

  #emit(event: BrokerEvent): void {
    if (this.closed) return;
    for (const listener of [...this.#listeners]) listener(event);
  }
}

const notConnected = (): BrokerUnavailableError =>
  new BrokerUnavailableError("the broker is not connected; await connect() first");

const idRefused = ({ queue }: OutgoingMessage): PublishRefusedError =>
  new PublishRefusedError("the id of a message is a UUID", { subject: { queue } });

/** A broker over a folder. Connect it before use. */
export function spoolBroker(options: SpoolOptions): Broker {
  return new SpoolBroker(options);
}
