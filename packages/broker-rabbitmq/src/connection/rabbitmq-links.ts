import type { LovageError } from "@lovage/core/contracts";
import { Link, type LinkSettings, type Session } from "./rabbitmq-link.ts";

export interface LinksListeners {
  /** What each needs before it counts as up, at every connection. */
  setUpPublishing(session: Session): Promise<void>;
  setUpConsuming(session: Session): Promise<void>;
  /** Both are up, perhaps once more. */
  up(): void;
  /** One of them was up, and is no more. */
  down(): void;
  /** Once {@link Links.watch} was called: one of them is down, and both are up again. */
  disconnected(error: LovageError): void;
  connected(): void;
  /** The server holds publishers back, and does so no longer. */
  blocked(reason: string): void;
  unblocked(): void;
}

/**
 * One worker's or producer's way to the server, by two connections: one publishes, and may be held back by an alarm; the other consumes,
 * settles and asks, and is not.
 */
export class Links {
  readonly publishing: Link;
  readonly consuming: Link;
  readonly #listeners: LinksListeners;
  #watched = false;
  #isDown = false;

  constructor(settings: LinkSettings, listeners: LinksListeners) {
    this.#listeners = listeners;
    const down = (error: LovageError): void => this.#wentDown(error);
    this.publishing = new Link(settings, {
      setUp: (session) => listeners.setUpPublishing(session),
      up: () => {
        this.consuming.hurry();
        this.#cameUp();
      },
      down,
      blocked: (reason) => listeners.blocked(reason),
      unblocked: () => listeners.unblocked(),
    });
    this.consuming = new Link(settings, {
      setUp: (session) => listeners.setUpConsuming(session),
      up: () => this.#cameUp(),
      down,
    });
  }

  /** One try. Rejects with a `LovageError`; what has succeeded by then stays. */
  async open(signal: AbortSignal): Promise<void> {
    await this.publishing.open(signal);
    await this.consuming.open(signal);
  }

  /** Whoever connects has succeeded: from now on it is told when they go and come. */
  watch(): void {
    this.#watched = true;
  }

  /** They do not come back by themselves. */
  async drop(ms: number): Promise<void> {
    await Promise.all([this.publishing.drop(ms), this.consuming.drop(ms)]);
  }

  /** As {@link drop}, for good. */
  async close(ms: number): Promise<void> {
    await Promise.all([this.publishing.close(ms), this.consuming.close(ms)]);
  }

  #cameUp(): void {
    if (!this.publishing.isUp || !this.consuming.isUp) return;
    this.#listeners.up();
    if (!this.#isDown) return;
    this.#isDown = false;
    this.#listeners.connected();
  }

  #wentDown(error: LovageError): void {
    this.#listeners.down();
    if (!this.#watched || this.#isDown) return;
    this.#isDown = true;
    this.#listeners.disconnected(error);
  }
}
