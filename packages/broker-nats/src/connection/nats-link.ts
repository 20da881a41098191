import { RenewedMap } from "@lovage/core/brokers";
import { BrokerUnavailableError, type LovageError } from "@lovage/core/contracts";
import { apiError, isPassing, isTurnedAway } from "../nats-errors.ts";
import { Freshness } from "./nats-freshness.ts";
import {
  type HeaderBlock,
  inbox,
  type NatsConnection,
  type NatsMessage,
  type NatsSubscription,
  send,
} from "./nats-port.ts";

/** What became of a request: its answer, or why there is none. */
export type Answer = NatsMessage | "no-responders" | "late" | "closed";

/** `times`: how often it was sent: again after a reconnect, and when there was no answer. 0: it never left. */
export type Answered = (answer: Answer, times: number) => void;

interface Waiting {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: HeaderBlock | undefined;
  readonly answered: Answered;
  readonly deadline: number;
  /** When it first left, by the wall clock. */
  sentAt: number;
  times: number;
  /** When it is sent again, if there is no answer. */
  againAt: number;
}

export interface LinkOptions {
  /** `$JS.API`, or that of a domain or of an import. */
  readonly apiPrefix: string;
  readonly inboxPrefix: string;
  readonly timeoutMs: number;
  /** The connection was made here, and is closed here. */
  readonly owned: boolean;
  /** What the client says of why the server turned it away, in the words of the contract. */
  readonly explain: (error: unknown) => LovageError;
}

const SWEEP_MS = 50;
/** A server that led a stream and died has taken what it was asked with it, while the connection to another one lives. */
const AGAIN_MS = 1_500;
const EMPTY = new Uint8Array(0);

/**
 * A connection with what this adapter needs of one: requests by the thousand, each with a deadline and all answered through one
 * subscription, asked again after a reconnect and when the answer does not come. So whatever is requested must be safe to ask twice.
 */
export class NatsLink {
  readonly connection: NatsConnection;
  readonly apiPrefix: string;
  readonly timeoutMs: number;
  readonly freshness: Freshness;
  readonly #options: LinkOptions;
  readonly #inbox: string;
  readonly #answers: NatsSubscription;
  readonly #waiting = new RenewedMap<string, Waiting>();
  readonly #onUp = new Set<() => void>();
  readonly #onDown = new Set<() => void>();
  readonly #onTurnedAway = new Set<(error: LovageError) => void>();
  #turnedAway: LovageError | undefined;
  #next = 0;
  #sweep: NodeJS.Timeout | undefined;
  #connected = true;
  #closed = false;

  constructor(connection: NatsConnection, options: LinkOptions) {
    this.connection = connection;
    this.apiPrefix = options.apiPrefix;
    this.timeoutMs = options.timeoutMs;
    this.freshness = new Freshness(() => connection.flush());
    this.#options = options;
    this.#inbox = inbox(options.inboxPrefix);
    this.#answers = connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => this.#answer(error, message),
    });
    void this.#follow();
    connection.closed().then(
      () => this.#end(),
      () => this.#end(),
    );
  }

  get connected(): boolean {
    return this.#connected && !this.#closed;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Called after each reconnect, and once the connection is down. Return the function that ends it. */
  onUp(listener: () => void): () => void {
    this.#onUp.add(listener);
    return () => void this.#onUp.delete(listener);
  }

  onDown(listener: () => void): () => void {
    this.#onDown.add(listener);
    return () => void this.#onDown.delete(listener);
  }

  /** Called when the server does not let a connection go on or begin anew, once until one does. */
  onTurnedAway(listener: (error: LovageError) => void): () => void {
    this.#onTurnedAway.add(listener);
    return () => void this.#onTurnedAway.delete(listener);
  }

  /** Why there is no connection, where waiting alone does not help. */
  get turnedAway(): LovageError | undefined {
    return this.#turnedAway;
  }

  inbox(): string {
    return inbox(this.#options.inboxPrefix);
  }

  /** Says it and hears nothing of it. Dropped while there is no connection. */
  say(subject: string, data: Uint8Array | string = EMPTY, headers?: HeaderBlock, reply?: string): void {
    if (this.connected) send(this.connection, subject, bytes(data), reply, headers);
  }

  /** Messages of the subject, in order, from now on and after reconnects, until it is ended. */
  hear(subject: string, listener: (message: NatsMessage) => void): NatsSubscription {
    return this.connection.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) listener(message);
      },
    });
  }

  /** Calls `answered` once: never within this call, and in the end always. */
  ask(
    subject: string,
    data: Uint8Array | string,
    headers: HeaderBlock | undefined,
    answered: Answered,
    timeoutMs: number = this.timeoutMs,
  ): void {
    if (this.#closed) {
      queueMicrotask(() => answered("closed", 0));
      return;
    }
    const key = (this.#next++).toString(36);
    const deadline = performance.now() + timeoutMs;
    const waiting: Waiting = {
      subject,
      data: bytes(data),
      headers,
      answered,
      deadline,
      sentAt: 0,
      times: 0,
      againAt: 0,
    };
    this.#waiting.set(key, waiting);
    this.#sweep ??= setInterval(() => this.#expire(), SWEEP_MS).unref();
    this.#send(key, waiting);
  }

  request(
    subject: string,
    data: Uint8Array | string = EMPTY,
    headers?: HeaderBlock,
    timeoutMs?: number,
  ): Promise<Answer> {
    return new Promise((resolve) => this.ask(subject, data, headers, resolve, timeoutMs));
  }

  /**
   * Asks the JetStream API. Rejects with what it says is wrong; waits, within the deadline, while it says that it cannot answer just now, as
   * it does while a leader is elected.
   */
  async api<T>(subject: string, body?: unknown, timeoutMs: number = this.timeoutMs): Promise<T> {
    const text = body === undefined ? "" : JSON.stringify(body);
    const deadline = performance.now() + timeoutMs;
    for (let attempt = 0; ; attempt += 1) {
      const left = deadline - performance.now();
      const answer = await this.request(`${this.apiPrefix}.${subject}`, text, undefined, Math.max(1, left));
      const failure = typeof answer === "string" ? this.#unanswered(answer, timeoutMs) : apiError(answer);
      if (failure === undefined) return JSON.parse(Buffer.from((answer as NatsMessage).data).toString()) as T;
      const wait = Math.min(150, 25 * 2 ** attempt);
      const passing = answer === "no-responders" || isPassing(failure);
      if (!passing || performance.now() + wait >= deadline) throw failure;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  /** Everything said so far has reached the server. Resolves also when the connection breaks. */
  async flush(): Promise<void> {
    if (this.connected) await this.connection.flush().catch(() => {});
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    if (!this.#options.owned) this.#answers.unsubscribe();
    this.#onDown.clear();
    this.#end();
    if (this.#options.owned) await this.connection.close().catch(() => {});
  }

  #send(key: string, waiting: Waiting): void {
    if (!this.#connected) return;
    if (waiting.times === 0) waiting.sentAt = Date.now();
    waiting.times += 1;
    waiting.againAt = performance.now() + AGAIN_MS * 2 ** (waiting.times - 1);
    try {
      send(this.connection, waiting.subject, waiting.data, `${this.#inbox}.${key}`, waiting.headers);
    } catch {
      // It is closing or draining: whoever waits is answered at the deadline or by the close.
    }
  }

  #answer(error: Error | null, message: NatsMessage): void {
    if (error !== null) return;
    const key = message.subject.slice(this.#inbox.length + 1);
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    this.#waiting.delete(key);
    this.freshness.proven(waiting.sentAt);
    const nobody = message.data.length === 0 && message.headers?.code === 503;
    waiting.answered(nobody ? "no-responders" : message, waiting.times);
  }

  #expire(): void {
    const now = performance.now();
    for (const [key, waiting] of this.#waiting) {
      if (waiting.deadline > now) {
        if (waiting.times > 0 && waiting.againAt <= now) this.#send(key, waiting);
        continue;
      }
      this.#waiting.delete(key);
      waiting.answered("late", waiting.times);
    }
    if (this.#waiting.size > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  #unanswered(answer: Exclude<Answer, NatsMessage>, timeoutMs: number): Error {
    if (answer === "no-responders") {
      return new BrokerUnavailableError(
        "nobody answers for JetStream: it is not enabled on this server or for this account, or has no leader just now",
      );
    }
    if (answer === "closed") return new BrokerUnavailableError("the connection is closed");
    return this.#turnedAway ?? new BrokerUnavailableError(`no answer within ${timeoutMs} ms; is the server reachable?`);
  }

  async #follow(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (this.#closed) return;
      const { type, error, data } = status as { type: string; error?: unknown; data?: unknown };
      if (type === "disconnect" && this.#connected) {
        this.#connected = false;
        for (const listener of [...this.#onDown]) listener();
      } else if (type === "reconnect") {
        this.#connected = true;
        this.#turnedAway = undefined;
        for (const [key, waiting] of this.#waiting) this.#send(key, waiting);
        for (const listener of [...this.#onUp]) listener();
      } else if (type === "error" && this.#turnedAway === undefined && isTurnedAway(error ?? data)) {
        const why = this.#options.explain(error ?? data);
        this.#turnedAway = why;
        for (const listener of [...this.#onTurnedAway]) listener(why);
      }
    }
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#sweep);
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { answered, times } of waiting) queueMicrotask(() => answered("closed", times));
    if (this.#connected) for (const listener of [...this.#onDown]) listener();
    this.#connected = false;
    this.#onUp.clear();
    this.#onDown.clear();
  }
}

function bytes(data: Uint8Array | string): Uint8Array {
  return typeof data === "string" ? Buffer.from(data) : data;
}
