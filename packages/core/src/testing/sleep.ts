import { BrokerClosedError, BrokerUnavailableError } from "../contracts/index.ts";

/**
 * awake:        all calls and answers pass.
 * hanging:      nothing passes, and nobody is told: a half-open connection.
 * disconnected: nothing passes, and both sides know.
 * deaf:         calls reach the server, its answers do not come back.
 */
export type SleepState = "awake" | "hanging" | "disconnected" | "deaf";

/** The wire between a client and a server, in one of the four states. */
export class Sleep {
  readonly #operationTimeoutMs: number;
  readonly #onWake = new Set<() => void>();
  #state: SleepState = "awake";
  #closed = false;

  constructor(operationTimeoutMs: number) {
    this.#operationTimeoutMs = operationTimeoutMs;
  }

  get state(): SleepState {
    return this.#state;
  }

  get awake(): boolean {
    return this.#state === "awake";
  }

  get closed(): boolean {
    return this.#closed;
  }

  fall(state: Exclude<SleepState, "awake">): void {
    this.#state = state;
  }

  wake(): void {
    this.#state = "awake";
    this.#rouse();
  }

  /** Everyone who waits is answered with `BrokerClosedError`. */
  close(): void {
    this.#closed = true;
    this.#rouse();
  }

  /**
   * A question with a deadline. Asleep it waits to be sent; an answer that was under way when sleep fell is gone. Rejects with
   * `BrokerUnavailableError`, whose `subject.sent` tells whether the server has seen it.
   */
  async ask<T>(call: () => Promise<T>): Promise<T> {
    this.#open();
    if (!this.awake && this.#state !== "deaf") {
      const woken = await this.woken({ timeoutMs: this.#operationTimeoutMs });
      if (!woken) throw this.#unanswered(false);
    }
    const answer = await call();
    if (this.awake) return answer;
    await this.woken({ timeoutMs: this.#operationTimeoutMs });
    throw this.#unanswered(true);
  }

  /** A settlement: sent when it can be, repeated if its answer was lost, and answered once awake. */
  async insist<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      this.#open();
      if (!this.awake && this.#state !== "deaf") await this.woken();
      this.#open();
      const answer = await call();
      if (this.awake) return answer;
      await this.woken();
    }
  }

  /** True once awake; false after `timeoutMs`. Rejects when the signal aborts and when the broker is closed. */
  woken(options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {}): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const { timeoutMs, signal } = options;
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        this.#onWake.delete(look);
        signal?.removeEventListener("abort", look);
        settle();
      };
      const look = (): void => {
        if (signal?.aborted) end(() => reject(signal.reason));
        else if (this.#closed) end(() => reject(new BrokerClosedError()));
        else if (this.awake) end(() => resolve(true));
      };
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => end(() => resolve(false)), timeoutMs);
      this.#onWake.add(look);
      signal?.addEventListener("abort", look);
      look();
    });
  }

  #rouse(): void {
    for (const look of [...this.#onWake]) look();
  }

  #open(): void {
    if (this.#closed) throw new BrokerClosedError();
  }

  #unanswered(sent: boolean): BrokerUnavailableError {
    const what = sent ? "the answer was lost" : `no connection within ${this.#operationTimeoutMs} ms`;
    return new BrokerUnavailableError(`${what}; try again when the broker is reachable`, { subject: { sent } });
  }
}
