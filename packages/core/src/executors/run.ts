/** One execution, as the engine holds it. */

import type { AbortReason, Execution, KillReason, Outcome, RunRequest } from "../contracts/pool.ts";

/** What a run needs of the executor that it is aboard of. */
export interface RunCarrier {
  abort(run: Run, reason: AbortReason): void;
  kill(run: Run): void;
}

export class Run implements Execution {
  readonly number: number;
  readonly request: RunRequest;
  readonly outcome: Promise<Outcome>;
  /** When it was handed over, ms since the epoch; the executor's own figure arrives with an outcome. */
  readonly sentAt: number;
  killReason: KillReason | undefined;
  ended = false;
  #aborted = false;
  #resolve!: (outcome: Outcome) => void;
  readonly #carrier: RunCarrier;

  constructor(number: number, request: RunRequest, carrier: RunCarrier) {
    this.number = number;
    this.request = request;
    this.#carrier = carrier;
    this.sentAt = Date.now();
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  abort(reason: AbortReason): void {
    if (this.ended || this.#aborted) return;
    this.#aborted = true;
    this.#carrier.abort(this, reason);
  }

  async kill(reason: KillReason): Promise<void> {
    if (!this.ended && this.killReason === undefined) {
      this.killReason = reason;
      this.#carrier.kill(this);
    }
    await this.outcome;
  }

  end(outcome: Outcome): void {
    this.ended = true;
    this.#resolve(outcome);
  }
}
