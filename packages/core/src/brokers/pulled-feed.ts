import { isLovageError } from "../contracts/index.ts";
import { type ConsumptionTerms, type Feed, HeldConsumption } from "./held-consumption.ts";
import { LeaseWatch } from "./lease-watch.ts";

export interface PullOptions<Claim> {
  /**
   * Takes what there is, at most {@link HeldConsumption.room}; called when there is room, never twice at a time. `QueueNotFoundError` says that
   * the queue is gone for good; after any other error the clock tries again.
   */
  readonly claim: (consumption: HeldConsumption<Claim>) => Promise<void> | void;
  /** How long after it became ready a message may lie there unnoticed, in ms: the clock. {@link listen} is for sooner. */
  readonly everyMs: number;
  /** What else the clock does, before it claims, also without room: make ready what is due, take back what nobody renewed. */
  readonly tidy?: () => Promise<void> | void;
  /** Begins to listen for a word of the server that there may be something, and returns what ends it. A hint: the clock does without. */
  readonly listen?: (wake: () => void) => () => void;
  readonly onTrouble: (error: unknown) => void;
}

/** A feed for servers that have to be asked. Leases are watched: one that nobody renews is asked about (`checkLease`). */
export class PulledFeed<Claim> implements Feed {
  readonly consumption: HeldConsumption<Claim>;
  readonly #options: PullOptions<Claim>;
  readonly #leases: LeaseWatch<Claim>;
  readonly #clock: NodeJS.Timeout;
  #deafen: (() => void) | undefined;
  #turn: NodeJS.Immediate | undefined;
  #underWay: Promise<void> | undefined;
  #again = false;
  #tidyFirst = false;

  constructor(terms: ConsumptionTerms<Claim>, options: PullOptions<Claim>) {
    this.consumption = new HeldConsumption(terms, this);
    this.#options = options;
    this.#leases = new LeaseWatch(this.consumption);
    this.#clock = setInterval(() => {
      this.#tidyFirst = true;
      this.wake();
    }, options.everyMs);
    try {
      this.#deafen = options.listen?.(() => this.wake());
    } catch (error) {
      options.onTrouble(error);
    }
    this.wake();
  }

  /** There may be something: claims at the end of this turn, once, however often it is asked. */
  wake(): void {
    this.#again = true;
    if (this.#underWay !== undefined || !this.consumption.open) return;
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      this.#underWay = this.#look().finally(() => {
        this.#underWay = undefined;
        if (this.#again) this.wake();
      });
    });
  }

  roomChanged(): void {
    if (this.consumption.room > 0) this.wake();
  }

  end(): Promise<void> | undefined {
    clearInterval(this.#clock);
    clearImmediate(this.#turn);
    this.#deafen?.();
    return this.#underWay;
  }

  async #look(): Promise<void> {
    this.#again = false;
    const { consumption } = this;
    try {
      if (this.#tidyFirst) {
        this.#tidyFirst = false;
        await this.#options.tidy?.();
      }
      if (consumption.room > 0) await this.#options.claim(consumption);
    } catch (error) {
      if (isLovageError(error, "QUEUE_NOT_FOUND")) consumption.queueLost();
      else this.#options.onTrouble(error);
    }
    consumption.handOver();
    const [first] = consumption.held;
    if (first?.leaseExpiresAt !== undefined) this.#leases.from(first.leaseExpiresAt);
  }
}
