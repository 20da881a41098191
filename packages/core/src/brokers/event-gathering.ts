import type { TaskEvent } from "../contracts/index.ts";

const GATHER_MS = 20;
const MOST_PER_MESSAGE = 500;
const MOST_HELD = 10_000;

/** `lost` counts these events as dropped: call it once, when they cannot leave or did not arrive. */
export type SendEvents = (events: readonly TaskEvent[], lost: () => void) => void;

/**
 * For control channels whose messages cost something: the events of 20 ms leave together, at most 500 in a message. While 10,000 are
 * waiting, more are dropped, and counted.
 */
export class EventGathering {
  readonly #send: SendEvents;
  #events: TaskEvent[] = [];
  #timer: NodeJS.Timeout | undefined;
  #dropped = 0;

  /** `send` must not throw. */
  constructor(send: SendEvents) {
    this.#send = send;
  }

  get dropped(): number {
    return this.#dropped;
  }

  add(events: readonly TaskEvent[]): void {
    if (events.length === 0) return;
    for (const event of events) {
      if (this.#events.length < MOST_HELD) this.#events.push(event);
      else this.#dropped += 1;
    }
    this.#timer ??= setTimeout(() => this.flush(), GATHER_MS).unref();
  }

  /** What was gathered leaves now: the channel is about to close. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const gathered = this.#events;
    this.#events = [];
    for (let first = 0; first < gathered.length; first += MOST_PER_MESSAGE) {
      const events = gathered.slice(first, first + MOST_PER_MESSAGE);
      this.#send(events, () => {
        this.#dropped += events.length;
      });
    }
  }

  /** What has not left never will. */
  close(): void {
    clearTimeout(this.#timer);
    this.#events = [];
  }
}
