import {
  BrokerClosedError,
  type DeadLetterReason,
  type Delivery,
  type Headers,
  type Message,
  type Settlement,
} from "@lovage/core/contracts";
import { instant, type Ticket, toMs } from "./spool-layout.ts";
import type { SpoolQueue } from "./spool-queue.ts";

/** What a delivery needs of those it belongs to. */
export interface DeliveryHost {
  readonly brokerClosed: boolean;
  settled(delivery: SpoolDelivery): void;
  lost(delivery: SpoolDelivery): void;
  /** The disk said no. Resolves when it is time to try again, or the broker has closed. */
  trouble(error: unknown): Promise<void>;
}

/**
 * A claimed file: held → (settlement) settled, or → (somebody renamed it, broker closed) lost. Its name is the proof that it is ours:
 * every step is one rename from exactly that name, and where there is no such file, we have lost it.
 */
export class SpoolDelivery implements Delivery {
  readonly message: Message;
  readonly deliveryCount: number;
  readonly #queue: SpoolQueue;
  readonly #host: DeliveryHost;
  readonly #startsBefore: number;
  readonly #lost = new AbortController();
  #claim: Ticket;
  #answer: Promise<Settlement> | undefined;

  constructor(queue: SpoolQueue, host: DeliveryHost, claim: Ticket, message: Message) {
    this.message = message;
    this.deliveryCount = claim.deliveries;
    this.#queue = queue;
    this.#host = host;
    this.#startsBefore = claim.starts;
    this.#claim = claim;
  }

  get queue(): string {
    return this.#queue.name;
  }

  get redelivered(): boolean {
    return this.deliveryCount > 1;
  }

  get starts(): number {
    return this.#claim.starts;
  }

  get leaseExpiresAt(): number {
    return toMs(this.#claim.until ?? "");
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  ack(): Promise<Settlement> {
    return this.#settle(() => this.#queue.remove("claimed", this.#claim));
  }

  requeue({ delayMs = 0, headers }: { delayMs?: number; headers?: Headers } = {}): Promise<Settlement> {
    return this.#settle(() => this.#queue.requeue(this.#claim, delayMs, headers));
  }

  release(): Promise<Settlement> {
    return this.#settle(() => this.#giveBack());
  }

  deadLetter(reason: DeadLetterReason): Promise<Settlement> {
    return this.#settle(() => this.#queue.bury(this.#claim, this.message.headers, reason));
  }

  renew(): Promise<Settlement> {
    return this.#change(() => ({ until: instant(Date.now() + this.#queue.settings.leaseMs) }));
  }

  markStarted(): Promise<Settlement> {
    return this.#change(() => ({ starts: this.#claim.starts + 1 }));
  }

  /** The broker closes: given back, and its holder is told. */
  surrender(): void {
    try {
      if (this.#answer === undefined) this.#giveBack();
    } catch {
      // The disk does not take it back now: the end of the lease will.
    }
    this.#lose();
  }

  /** A start that was marked is not held against a message that is given back. */
  #giveBack(): boolean {
    return this.#queue.giveBack(this.#claim, this.#startsBefore);
  }

  /** The first settlement wins: later ones get its answer. */
  #settle(step: () => boolean): Promise<Settlement> {
    this.#answer ??= this.#persist(() => {
      if (!step()) return this.#lose();
      this.#host.settled(this);
      return "done";
    });
    return this.#answer;
  }

  #change(changes: () => Partial<Ticket>): Promise<Settlement> {
    if (this.#answer !== undefined) return this.#answer;
    return this.#persist(() => {
      const claim = this.#queue.change(this.#claim, changes());
      if (claim === undefined) return this.#lose();
      this.#claim = claim;
      return "done";
    });
  }

  /** A step that the disk refuses is not dropped: it is tried until it is known what became of it. */
  async #persist(step: () => Settlement): Promise<Settlement> {
    for (;;) {
      if (this.#host.brokerClosed) throw new BrokerClosedError();
      try {
        return step();
      } catch (error) {
        await this.#host.trouble(error);
      }
    }
  }

  #lose(): "lost" {
    if (!this.#lost.signal.aborted) {
      this.#lost.abort();
      this.#host.lost(this);
    }
    return "lost";
  }
}
