import { isLovageError } from "../contracts/index.ts";
import { Gathering, type RequestSink } from "./gathering.ts";
import { atMost, backoff } from "./patience.ts";
import type { DeliveryRequest } from "./request.ts";

export interface SenderOptions<Claim> {
  /**
   * Carries out requests and answers each. Those that have no answer when it returns, resolves, throws or rejects are asked again after a
   * wait, so it must be safe to ask twice. It must end within the adapter's operation deadline.
   */
  readonly settle: (requests: readonly DeliveryRequest<Claim>[]) => Promise<void> | void;
  /** The most requests in one call. Default 1,000. */
  readonly maxBatch?: number;
  /** How many calls may be under way at once; what is asked meanwhile gathers. Default 1, which makes the largest batches. */
  readonly maxUnderWay?: number;
  /** `settle` threw this. Called at every failure; what was asked is tried again in any case. */
  readonly onTrouble?: (error: unknown) => void;
}

/**
 * What is asked in one tick leaves as one call of `settle`, and is asked again until it has an answer or the broker closes: a settlement
 * is never dropped.
 */
export class Sender<Claim> implements RequestSink<Claim> {
  readonly #gathering = new Gathering<Claim>(() => this.#schedule());
  readonly #settle: SenderOptions<Claim>["settle"];
  readonly #onTrouble: (error: unknown) => void;
  readonly #maxBatch: number;
  readonly #maxUnderWay: number;
  readonly #underWay = new Set<readonly DeliveryRequest<Claim>[]>();
  /** They have left once, and leave again when the wait is over. */
  #again: DeliveryRequest<Claim>[] = [];
  #failures = 0;
  #wait: NodeJS.Timeout | undefined;
  /** Nothing of the last call had an answer: what is new waits as well. Where some had, only those wait that had none. */
  #away = false;
  #flush: NodeJS.Immediate | undefined;
  #idle: (() => void)[] = [];
  #closed = false;

  constructor({ settle, onTrouble = () => {}, maxBatch = 1_000, maxUnderWay = 1 }: SenderOptions<Claim>) {
    this.#settle = settle;
    this.#onTrouble = onTrouble;
    this.#maxBatch = maxBatch;
    this.#maxUnderWay = maxUnderWay;
  }

  ask(request: DeliveryRequest<Claim>): void {
    this.#gathering.ask(request);
  }

  /** The server is back: what waits to be asked again is asked now. */
  retryNow(): void {
    clearTimeout(this.#wait);
    this.#wait = undefined;
    this.#away = false;
    this.#schedule();
  }

  /** Sends what was asked before, tries for `ms` to have its answers, and refuses the rest with `BrokerClosedError`. */
  async close(ms: number): Promise<void> {
    if (this.#busy) {
      this.retryNow();
      await atMost(new Promise<void>((resolve) => this.#idle.push(resolve)), ms);
    }
    this.#closed = true;
    clearTimeout(this.#wait);
    clearImmediate(this.#flush);
    this.#gathering.close();
    for (const request of [...this.#again, ...[...this.#underWay].flat()]) request.abandon();
    this.#again = [];
  }

  get #busy(): boolean {
    return this.#underWay.size > 0 || this.#again.length > 0 || this.#gathering.pending;
  }

  get #due(): boolean {
    return !this.#away && (this.#gathering.pending || (this.#wait === undefined && this.#again.length > 0));
  }

  #schedule(): void {
    if (this.#closed || !this.#due || this.#underWay.size >= this.#maxUnderWay) return;
    this.#flush ??= setImmediate(() => {
      this.#flush = undefined;
      if (this.#due) void this.#send();
    });
  }

  async #send(): Promise<void> {
    const again = this.#wait === undefined ? this.#again.splice(0, this.#maxBatch) : [];
    const fresh = this.#gathering.take(this.#maxBatch - again.length);
    const batch = again.length === 0 ? fresh : [...again, ...fresh];
    this.#underWay.add(batch);
    this.#schedule();
    try {
      await this.#settle(batch);
    } catch (error) {
      this.#onTrouble(error);
    }
    this.#underWay.delete(batch);
    if (this.#closed) return;
    const left = batch.filter(({ answered }) => !answered);
    if (left.length > 0) this.#waitWith(left, left.length === batch.length);
    else if (this.#again.length === 0) this.#failures = 0;
    this.#schedule();
    if (!this.#busy) for (const idle of this.#idle.splice(0)) idle();
  }

  #waitWith(requests: readonly DeliveryRequest<Claim>[], away: boolean): void {
    this.#again.push(...requests);
    this.#away = away;
    this.#failures += 1;
    this.#wait ??= setTimeout(() => this.retryNow(), backoff(this.#failures));
  }
}

/**
 * For servers that are told one thing at a time: a `settle` that carries out each request by itself, begun in order. `carryOut` says whether
 * the delivery was still ours; `QueueNotFoundError` says that it was not. One that fails keeps no other from its answer.
 */
export function oneByOne<Claim>(
  carryOut: (request: DeliveryRequest<Claim>) => Promise<boolean> | boolean,
): SenderOptions<Claim>["settle"] {
  return async (requests) => {
    const carried = requests.map(async (request) => {
      try {
        request.answer((await carryOut(request)) ? "done" : "lost");
      } catch (error) {
        if (!isLovageError(error, "QUEUE_NOT_FOUND")) throw error;
        request.answer("lost");
      }
    });
    const failed = (await Promise.allSettled(carried)).find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  };
}
