import {
  BrokerClosedError,
  type DeadLetterReason,
  type Delivery,
  type Headers,
  type Message,
  type Payload,
  type Settlement,
} from "@lovage/core/contracts";
import type { ClaimedColumns } from "./sqlite-operations.ts";
import type { Settlements } from "./sqlite-settlements.ts";

/** What a delivery needs of its consumption. */
export interface DeliveryHome {
  readonly queue: string;
  readonly leaseMs: number;
  readonly closed: boolean;
  readonly settlements: Settlements;
  /** A settlement of it has left: it counts against the credit no longer. */
  sent(delivery: SqliteDelivery): void;
  lost(delivery: SqliteDelivery): void;
}

/** held → (a settlement is asked) settling → settled; held or settling → lost. Seq and token are the fence. */
export class SqliteDelivery implements Delivery {
  readonly message: Message;
  readonly deliveryCount: number;
  readonly starts: number;
  readonly #home: DeliveryHome;
  readonly #seq: number;
  readonly #token: number;
  #leaseExpiresAt: number;
  #marks = 0;
  #answer: Promise<Settlement> | undefined;
  #isLost = false;
  #controller: AbortController | undefined;

  /** The claimed message at `index`. */
  constructor(home: DeliveryHome, claimed: ClaimedColumns, index: number, leaseExpiresAt: number) {
    this.message = {
      id: claimed.ids[index] as string,
      headers: parseHeaders(claimed.headers[index] as string),
      body: claimed.bodies[index] as Payload,
      priority: 9 - (claimed.bands[index] as number),
    };
    this.deliveryCount = claimed.deliveries[index] as number;
    this.starts = claimed.starts[index] as number;
    this.#home = home;
    this.#seq = claimed.seqs[index] as number;
    this.#token = claimed.token;
    this.#leaseExpiresAt = leaseExpiresAt;
  }

  get queue(): string {
    return this.#home.queue;
  }

  get redelivered(): boolean {
    return this.deliveryCount > 1;
  }

  get leaseExpiresAt(): number {
    return this.#leaseExpiresAt;
  }

  get lost(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isLost) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  ack(): Promise<Settlement> {
    return this.#settle((settlements, sent) => settlements.ack(this.#seq, this.#token, sent));
  }

  requeue(options: { readonly delayMs?: number; readonly headers?: Headers } = {}): Promise<Settlement> {
    const { delayMs = 0, headers } = options;
    const text = headers === undefined ? null : JSON.stringify(headers);
    return this.#settle((settlements, sent) => settlements.requeue(this.#seq, this.#token, delayMs, text, sent));
  }

  release(): Promise<Settlement> {
    return this.#settle((settlements, sent) => settlements.release(this.#seq, this.#token, this.#marks, sent));
  }

  deadLetter(reason: DeadLetterReason): Promise<Settlement> {
    const { code, details = null } = reason;
    return this.#settle((settlements, sent) => settlements.deadLetter(this.#seq, this.#token, code, details, sent));
  }

  async renew(): Promise<Settlement> {
    // Counted from before the request: never later than the instant in the file.
    const renewedAt = Date.now();
    const answer = await this.#while((settlements) => settlements.renew(this.#seq, this.#token));
    if (answer === "done") this.#leaseExpiresAt = Math.max(this.#leaseExpiresAt, renewedAt + this.#home.leaseMs);
    return answer;
  }

  async markStarted(): Promise<Settlement> {
    this.#marks += 1;
    return await this.#while((settlements) => settlements.markStarted(this.#seq, this.#token));
  }

  /** Its lease should be over by now: asks, and knows it for lost if so. */
  async checkLease(): Promise<void> {
    const answer = await this.#home.settlements.lapse(this.#seq, this.#token);
    if (answer === "lost" && this.#answer === undefined) this.lose();
  }

  /** The broker closes: untouched, so it goes back; what is settled from now on is told that the broker is closed. */
  surrender(): void {
    if (this.#answer !== undefined || this.#isLost) return;
    this.#isLost = true;
    this.#home.settlements.release(this.#seq, this.#token, this.#marks, () => {}).catch(() => {});
    this.#controller?.abort();
  }

  /** It is known to be no longer ours. */
  lose(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#controller?.abort();
    this.#home.lost(this);
  }

  /** What does not end ownership: once a settlement was asked, its answer stands for everything. */
  async #while(ask: (settlements: Settlements) => Promise<Settlement>): Promise<Settlement> {
    if (this.#answer !== undefined) return this.#answer;
    if (this.#home.closed) throw new BrokerClosedError();
    const answer = await ask(this.#home.settlements);
    // A settlement that left while this was under way says itself whether the delivery was ours.
    if (answer === "lost" && this.#answer === undefined) this.lose();
    return this.#answer ?? answer;
  }

  #settle(ask: (settlements: Settlements, sent: () => void) => Promise<Settlement>): Promise<Settlement> {
    if (this.#answer !== undefined) return this.#answer;
    if (this.#home.closed) return Promise.reject(new BrokerClosedError());
    const asked = ask(this.#home.settlements, () => this.#home.sent(this));
    this.#answer = asked.then((answer) => {
      if (answer === "lost") this.lose();
      return answer;
    });
    return this.#answer;
  }
}

/** Written by us as JSON; where somebody else wrote something else, the engine says `unknown-task` and nothing breaks. */
function parseHeaders(text: string): Headers {
  try {
    return JSON.parse(text) as Headers;
  } catch {
    return { task: "" };
  }
}
