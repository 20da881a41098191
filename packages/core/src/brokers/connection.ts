import { setTimeout } from "node:timers/promises";
import { BrokerClosedError, BrokerUnavailableError, isLovageError } from "../contracts/index.ts";
import type { BrokerEvents } from "./broker-events.ts";
import { abortable, backoff } from "./patience.ts";

/**
 * new → (connect) connected → (close) closed; `close` works from each. What the contract says of `connect` and `close`, for an adapter
 * that knows how to try once.
 */
export class Connection {
  #state: "new" | "connected" | "closed" = "new";
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #waiting = 0;
  #given = new AbortController();
  #reached = false;
  readonly #events: BrokerEvents;

  /** `connected` is told through `events`. */
  constructor(events: BrokerEvents) {
    this.#events = events;
  }

  get connected(): boolean {
    return this.#state === "connected";
  }

  get closed(): boolean {
    return this.#state === "closed";
  }

  /** What was learned from the server may be asked after the close as well: throws only until `connect` has resolved. */
  checkReached(): void {
    if (!this.#reached) this.check();
  }

  /** Returns when connected; else throws what every method of a broker rejects with. */
  check(): void {
    if (this.#state === "connected") return;
    if (this.#state === "closed") throw new BrokerClosedError();
    throw new BrokerUnavailableError("the broker is not connected; await connect() first");
  }

  /**
   * Tries `open` until it succeeds, with backoff and jitter. An error of Lovage's that is not `retryable`, and any other error, rejects at
   * once. Whoever calls while it is under way waits for the same; when all of them have aborted, or
   * the broker closes, the signal that `open` was given aborts too.
   */
  async connect(open: (signal: AbortSignal) => Promise<void> | void, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.closed) throw new BrokerClosedError();
    if (this.connected) return;
    this.#waiting += 1;
    this.#opening ??= this.#open(open, this.#given.signal);
    try {
      await abortable(this.#opening, signal);
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0 && !this.connected) this.#giveUp();
    }
  }

  /**
   * Calls `end` once, whoever closes how often. The state is `closed` when `end` reaches its first `await`: give back what is held before
   * that, while it can still be asked.
   */
  close(end: (wasConnected: boolean) => Promise<void>): Promise<void> {
    if (this.#closing === undefined) {
      const ended = end(this.connected);
      this.#state = "closed";
      this.#giveUp();
      this.#closing = ended;
    }
    return this.#closing;
  }

  async #open(open: (signal: AbortSignal) => Promise<void> | void, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await open(signal);
        break;
      } catch (error) {
        if (this.closed) throw new BrokerClosedError();
        if (signal.aborted || !isLovageError(error) || !error.retryable) throw error;
        await setTimeout(backoff(attempt), undefined, { signal }).catch(() => {});
      }
      if (this.closed) throw new BrokerClosedError();
      signal.throwIfAborted();
    }
    if (this.closed) throw new BrokerClosedError();
    this.#state = "connected";
    this.#reached = true;
    this.#events.emit({ type: "connected" });
  }

  /** The next call begins anew. */
  #giveUp(): void {
    this.#given.abort();
    this.#given = new AbortController();
    this.#opening = undefined;
  }
}
