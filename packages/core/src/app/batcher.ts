/** Collects what is published in one tick, and sends it as one batch. */

import type { OutgoingMessage, PublishOutcome } from "../contracts/message.ts";

interface Entry {
  readonly messages: readonly OutgoingMessage[];
  readonly resolve: (outcomes: readonly PublishOutcome[]) => void;
  readonly reject: (error: unknown) => void;
}

type Send = (messages: readonly OutgoingMessage[]) => Promise<readonly PublishOutcome[]>;

export class Batcher {
  readonly #send: Send;
  readonly #flying = new Set<Promise<void>>();
  #waiting: Entry[] = [];

  constructor(send: Send) {
    this.#send = send;
  }

  add(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ messages, resolve, reject });
      // After the present task and every microtask that follows from it: `await`s between two enqueues do not part them.
      if (this.#waiting.length === 1) queueMicrotask(() => process.nextTick(() => this.#depart()));
    });
  }

  /** Resolves when nothing waits and nothing is on its way. */
  async idle(): Promise<void> {
    while (this.#waiting.length > 0 || this.#flying.size > 0) {
      if (this.#waiting.length > 0) this.#depart();
      await Promise.all(this.#flying);
    }
  }

  #depart(): void {
    const entries = this.#waiting;
    if (entries.length === 0) return;
    this.#waiting = [];
    const flight: Promise<void> = this.#deliver(entries).finally(() => this.#flying.delete(flight));
    this.#flying.add(flight);
  }

  async #deliver(entries: readonly Entry[]): Promise<void> {
    try {
      if (entries.length === 1) {
        const only = entries[0] as Entry;
        only.resolve(await this.#send(only.messages));
        return;
      }
      const all: OutgoingMessage[] = [];
      for (const { messages } of entries) for (const message of messages) all.push(message);
      const outcomes = await this.#send(all);
      let from = 0;
      for (const { messages, resolve } of entries) {
        resolve(outcomes.slice(from, from + messages.length));
        from += messages.length;
      }
    } catch (error) {
      for (const { reject } of entries) reject(error);
    }
  }
}
