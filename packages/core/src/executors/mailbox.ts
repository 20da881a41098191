/** What the engine has to say to one executor, gathered into one message per tick. */

import type { AbortReason, RunRequest } from "../contracts/pool.ts";
import { type Down, type DownMessage, PIECE, type Reply, RUN_STRIDE, type RunField } from "./protocol.ts";
import { Coalescer } from "./tick.ts";

export class Mailbox {
  /** Number of the last run that has left. */
  posted = 0;
  readonly #shared: boolean;
  readonly #post: (message: DownMessage) => void;
  readonly #coalescer: Coalescer;
  #runs: RunField[] | undefined;
  #others: Down | undefined;
  #last = 0;

  /** `shared`: several runs may be asked for in one tick; otherwise one leaves at once. */
  constructor(shared: boolean, post: (message: DownMessage) => void) {
    this.#shared = shared;
    this.#post = post;
    this.#coalescer = new Coalescer(() => this.#flush());
  }

  run(number: number, request: RunRequest): void {
    const { id, task, queue, headers, body, attempt, deliveries, retriesLeft, deadline } = request;
    this.#last = number;
    this.#runs ??= [];
    this.#runs.push(
      number,
      id,
      task,
      queue,
      JSON.stringify(headers),
      body,
      attempt,
      deliveries,
      retriesLeft,
      deadline ?? 0,
    );
    if (this.#shared && this.#runs.length < PIECE * RUN_STRIDE) this.#coalescer.request();
    else this.#flush();
  }

  abort(run: number, reason: AbortReason): void {
    this.#others ??= {};
    this.#others.aborts ??= [];
    this.#others.aborts.push({ run, reason });
    this.#coalescer.request();
  }

  reply(reply: Reply): void {
    this.#others ??= {};
    this.#others.replies ??= [];
    this.#others.replies.push(reply);
    this.#coalescer.request();
  }

  stop(): void {
    this.#others = { ...this.#others, stop: true };
    this.#flush();
  }

  #flush(): void {
    const runs = this.#runs;
    const others = this.#others;
    this.#runs = undefined;
    this.#others = undefined;
    if (runs !== undefined) this.posted = this.#last;
    if (others !== undefined) this.#post(runs === undefined ? others : { runs, ...others });
    else if (runs !== undefined) this.#post(runs);
  }
}
