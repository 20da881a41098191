import type { Arrived } from "../publishing/rabbitmq-envelope.ts";
import type { Store } from "../publishing/rabbitmq-store.ts";
import type { Journal } from "../queues/rabbitmq-journal.ts";
import type { RabbitMqClaim } from "./rabbitmq-consumption.ts";

/** After so long a copy that was settled on a channel that ended has come again, or never will. */
const REMEMBERED_MS = 60_000;

/** Looks at each message before anybody sees it: the server cannot remove what is in the middle of a queue, so some must be stopped here. */
export class Doorkeeper {
  readonly #journal: Journal;
  readonly #store: Store;
  readonly #timeoutMs: number;
  /** Copies whose settlement may not have reached the server, and until when they are remembered. In the order of that. */
  readonly #doubtful = new Map<string, number>();

  constructor(journal: Journal, store: Store, timeoutMs: number) {
    this.#journal = journal;
    this.#store = store;
    this.#timeoutMs = timeoutMs;
  }

  /** If these come again to this process, they need no second run. */
  remember(copies: readonly string[]): void {
    const now = performance.now();
    for (const [copy, until] of this.#doubtful) {
      if (until > now) break;
      this.#doubtful.delete(copy);
    }
    for (const copy of copies) {
      this.#doubtful.delete(copy);
      this.#doubtful.set(copy, now + REMEMBERED_MS);
    }
  }

  /** True: nobody is to see it, and it is taken care of. */
  handled(
    { message, marks }: Arrived,
    { unsettled, tag }: RabbitMqClaim,
    queue: string,
    redelivered: boolean,
  ): boolean {
    const { seen, due } = marks;
    const settledBefore = redelivered && (this.#doubtful.get(tag.copy) ?? 0) > performance.now();
    const unwanted = this.#journal.isRevoked(message.id) || (seen !== undefined && this.#journal.isVoid(queue, seen));
    if (settledBefore || unwanted) {
      unsettled.ack(tag);
      return true;
    }
    if (due === undefined || due <= Date.now()) return false;
    // The server's clock was set, or ours: it goes round again for what is left.
    void this.#wait({ message, marks, deliveriesBefore: undefined }, { unsettled, tag }, queue, due);
    return true;
  }

  async #wait(
    { message, marks }: Arrived,
    { unsettled, tag }: RabbitMqClaim,
    queue: string,
    due: number,
  ): Promise<void> {
    const { copy } = marks;
    const fate = await this.#store
      .copy(
        (terms) => this.#store.delay(message, queue, due, terms, copy === undefined ? {} : { copy }),
        this.#timeoutMs,
        unsettled,
      )
      .catch(() => "refused");
    if (fate === "stored") {
      unsettled.ack(tag);
      await unsettled.handled();
    } else unsettled.giveBack(tag);
  }
}
