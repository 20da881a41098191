import { type FSWatcher, watch } from "node:fs";
import { join } from "node:path";
import { type ConsumeOptions, type Consumption, type Delivery, isLovageError } from "@lovage/core/contracts";
import { POLL_MS } from "./spool-capabilities.ts";
import { type DeliveryHost, SpoolDelivery } from "./spool-delivery.ts";
import type { Ticket } from "./spool-layout.ts";
import type { SpoolQueue } from "./spool-queue.ts";

/** What a consumption needs of its broker. */
export interface ConsumptionHost {
  readonly closed: boolean;
  trouble(error: unknown): Promise<void>;
  ownershipLost(queue: string, id: string): void;
  queueLost(queue: string): void;
  /** Stopped, and nothing of it is unsettled. */
  consumptionEnded(consumption: SpoolConsumption): void;
}

const TRIM_EVERY_POLLS = 100;

/**
 * open → (stop, broker closed, queue destroyed) stopped. It takes messages when it is woken: by credit that becomes free, by the
 * system's word that something changed in `ready/`, which is a hint and may never come, and by its own clock, which is the truth.
 */
export class SpoolConsumption implements Consumption, DeliveryHost {
  readonly #queue: SpoolQueue;
  readonly #host: ConsumptionHost;
  readonly #onDeliveries: (batch: readonly Delivery[]) => void;
  readonly #held = new Set<SpoolDelivery>();
  readonly #clock: NodeJS.Timeout;
  readonly #watcher: FSWatcher | undefined;
  /** What `ready/` had when it was last listed, the next one last; others may have taken some of it. Good until the next poll. */
  #listed: Ticket[] = [];
  #credit: number;
  #open = true;
  #polls = 0;
  #turn: NodeJS.Immediate | undefined;

  constructor(
    queue: SpoolQueue,
    host: ConsumptionHost,
    { credit }: ConsumeOptions,
    onDeliveries: (batch: readonly Delivery[]) => void,
  ) {
    this.#queue = queue;
    this.#host = host;
    this.#credit = credit;
    this.#onDeliveries = onDeliveries;
    this.#clock = setInterval(() => this.#poll(), POLL_MS);
    this.#watcher = this.#watch();
    this.#wake();
  }

  get queue(): string {
    return this.#queue.name;
  }

  get unsettled(): number {
    return this.#held.size;
  }

  get brokerClosed(): boolean {
    return this.#host.closed;
  }

  setCredit(credit: number): void {
    this.#credit = credit;
    this.#wake();
  }

  async stop(): Promise<void> {
    this.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Takes nothing more; what it holds stays held. */
  end(): void {
    this.#open = false;
    clearInterval(this.#clock);
    clearImmediate(this.#turn);
    this.#watcher?.close();
    if (this.#held.size === 0) this.#host.consumptionEnded(this);
  }

  queueDestroyed(): void {
    this.end();
    this.#host.queueLost(this.queue);
  }

  surrenderAll(): void {
    for (const delivery of this.#held) delivery.surrender();
  }

  settled(delivery: SpoolDelivery): void {
    this.#held.delete(delivery);
    if (this.#open) this.#wake();
    else if (this.#held.size === 0) this.#host.consumptionEnded(this);
  }

  lost(delivery: SpoolDelivery): void {
    this.settled(delivery);
    this.#host.ownershipLost(this.queue, delivery.message.id);
  }

  trouble(error: unknown): Promise<void> {
    return this.#host.trouble(error);
  }

  /** Once per round of the event loop, however often it is asked: so what a tick frees is taken as one batch. */
  #wake(): void {
    if (!this.#open) return;
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      this.#carefully(() => {});
    });
  }

  #poll(): void {
    this.#polls += 1;
    this.#listed = [];
    this.#carefully(() => {
      this.#queue.catchUp();
      if (this.#polls % TRIM_EVERY_POLLS === 0) this.#queue.trimDead();
    });
  }

  /** Does `first`, takes what there is, and hands it over. Whatever the disk says about it, the next poll tries again. */
  #carefully(first: () => void): void {
    const batch: SpoolDelivery[] = [];
    try {
      first();
      this.#take(batch);
    } catch (error) {
      if (isLovageError(error, "QUEUE_NOT_FOUND")) this.queueDestroyed();
      else void this.#host.trouble(error);
    }
    if (batch.length > 0) this.#onDeliveries(batch);
  }

  #take(batch: SpoolDelivery[]): void {
    const hasCredit = (): boolean => this.#held.size < this.#credit;
    if (!hasCredit() || this.#queue.paused) return;
    const { leaseMs } = this.#queue.settings;
    if (this.#listed.length === 0) this.#listed = this.#queue.list("ready").reverse();
    while (hasCredit()) {
      const ticket = this.#listed.pop();
      if (ticket === undefined) return;
      const claim = this.#queue.claim(ticket, leaseMs);
      const delivery = claim && this.#deliveryOf(claim);
      if (delivery === undefined) continue;
      this.#held.add(delivery);
      batch.push(delivery);
    }
  }

  /** The message in a claimed file; a damaged one goes to the dead letters. */
  #deliveryOf(claim: Ticket): SpoolDelivery | undefined {
    const content = this.#queue.read("claimed", claim);
    if (content === undefined) return undefined;
    const { reason, ...parts } = content;
    if (reason === undefined) return new SpoolDelivery(this.#queue, this, claim, { id: claim.id, ...parts });
    this.#queue.bury(claim, parts.headers, reason);
    return undefined;
  }

  #watch(): FSWatcher | undefined {
    try {
      const watcher = watch(join(this.#queue.folder, "ready"), () => this.#wake());
      return watcher.on("error", () => watcher.close());
    } catch {
      // The system has no watches left, or none for this kind of disk: polling is enough.
      return undefined;
    }
  }
}
