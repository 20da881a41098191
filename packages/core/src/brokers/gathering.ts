import type { DeliveryRequest } from "./request.ts";

/** Takes what deliveries ask. */
export interface RequestSink<Claim> {
  /** Every request is answered or abandoned in the end. */
  ask(request: DeliveryRequest<Claim>): void;
  /** Sends what was asked before, waits for its answers for at most `ms`, and abandons the rest and whatever is asked later. */
  close(ms: number): Promise<void> | void;
}

/**
 * Requests that have been asked and have not left: for an adapter that decides itself when a command leaves, so that it can carry other
 * things too. {@link Sender} does so for those that have nothing else to carry.
 */
export class Gathering<Claim> implements RequestSink<Claim> {
  readonly #onAsked: () => void;
  #requests: DeliveryRequest<Claim>[] = [];
  #closed = false;

  /** `onAsked` is called at every request: make it cheap. */
  constructor(onAsked: () => void) {
    this.#onAsked = onAsked;
  }

  get pending(): boolean {
    return this.#requests.length > 0;
  }

  ask(request: DeliveryRequest<Claim>): void {
    if (this.#closed) {
      request.abandon();
      return;
    }
    this.#requests.push(request);
    this.#onAsked();
  }

  /** In the order they were asked, at most `limit`. They leave with this: settlements among them free their credit. */
  take(limit: number = Number.POSITIVE_INFINITY): readonly DeliveryRequest<Claim>[] {
    const taken = this.#requests.length <= limit ? this.#requests : this.#requests.slice(0, limit);
    this.#requests = taken === this.#requests ? [] : this.#requests.slice(limit);
    for (const request of taken) request.leaves();
    return taken;
  }

  /** What has not left never will, and nothing can be asked any more. */
  close(): void {
    this.#closed = true;
    for (const request of this.#requests) request.abandon();
    this.#requests = [];
  }
}
