/** For control channels: what a broadcast yields, and what a command is answered. */

import { type ControlCommand, type ControlHandler, type ControlReply, errorData } from "../contracts/index.ts";

export interface RepliesOptions {
  /** After so many they end. Default: any number. */
  readonly expect?: number;
  /** They end by themselves after this, in ms. Default: never. */
  readonly timeoutMs?: number;
}

/** Replies as they come, until ended, or late, or as many as were expected have come; whatever comes later is ignored. */
export class Replies implements AsyncIterable<ControlReply> {
  readonly #waiting: ControlReply[] = [];
  readonly #expect: number;
  readonly #late: NodeJS.Timeout | undefined;
  #seen = 0;
  #ended = false;
  #wake: (() => void) | undefined;
  #onEnd: (() => void) | undefined;

  constructor({ expect = Number.POSITIVE_INFINITY, timeoutMs }: RepliesOptions = {}) {
    this.#expect = expect;
    this.#late = timeoutMs === undefined ? undefined : setTimeout(() => this.end(), timeoutMs);
  }

  /** Called once, when they end: set it before anything can be added. */
  set onEnd(action: () => void) {
    this.#onEnd = action;
    if (this.#expect <= 0) this.end();
  }

  add(reply: ControlReply): void {
    if (this.#ended) return;
    this.#waiting.push(reply);
    this.#seen += 1;
    if (this.#seen >= this.#expect) this.end();
    this.#wake?.();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#late);
    this.#onEnd?.();
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<ControlReply> {
    try {
      for (;;) {
        const reply = this.#waiting.shift();
        if (reply !== undefined) yield reply;
        else if (this.#ended) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.end();
    }
  }
}

/** What `worker` says to a command: what its handler returns, or the message of what it throws. */
export async function replyOf(worker: string, command: ControlCommand, handler: ControlHandler): Promise<ControlReply> {
  try {
    return { worker, ok: true, value: await handler(command) };
  } catch (error) {
    return { worker, ok: false, error: errorData(error).message };
  }
}
