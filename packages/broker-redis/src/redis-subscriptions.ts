import type { RedisLink } from "./redis-link.ts";
import type { RedisConnection } from "./redis-port.ts";
import type { RedisSession } from "./redis-session.ts";

interface Listener {
  onMessage(message: string): void;
  /** It is subscribed from now on: for the first time, or again after the connection broke. */
  onSubscribed(): void;
}

/**
 * Channels listened to on one connection, made when the first is asked for. What is said while it is broken is missed, which `onSubscribed` tells. In a
 * cluster all processes of a prefix use the same node, so that it can say who listens.
 */
export class Subscriptions {
  readonly #link: RedisLink;
  readonly #channels = new Map<string, Set<Listener>>();
  #started = false;
  #closed = false;

  constructor(server: RedisSession) {
    const key = server.isCluster ? server.layout.queues : undefined;
    this.#link = server.newLink("subscriber", key, { onUp: (connection) => this.#up(connection) });
  }

  /** Returns the function that ends it. */
  subscribe(channel: string, onMessage: (message: string) => void, onSubscribed: () => void = () => {}): () => void {
    const listener: Listener = { onMessage, onSubscribed };
    const others = this.#channels.get(channel);
    if (others === undefined) {
      this.#channels.set(channel, new Set([listener]));
      this.#ask([channel]);
    } else {
      others.add(listener);
      // Perhaps not confirmed yet: a second subscription is harmless, and its answer is later than the first one's.
      this.#ask([channel], listener);
    }
    return () => {
      const listeners = this.#channels.get(channel);
      if (listeners?.delete(listener) !== true || listeners.size > 0) return;
      this.#channels.delete(channel);
      if (this.#link.connection !== undefined) this.#link.call("unsubscribe", [channel]).catch(() => {});
    };
  }

  /** Of the node that the subscriptions are on. In RESP3 a subscribed connection may ask other things, too. */
  async ask(command: string, args: readonly string[]): Promise<unknown> {
    if (!this.#started) {
      this.#started = true;
      this.#link.start();
    }
    await this.#link.whenUp();
    return this.#link.call(command, args);
  }

  close(): void {
    this.#closed = true;
    this.#channels.clear();
    this.#link.close();
  }

  #ask(channels: readonly string[], only?: Listener): void {
    if (this.#closed) return;
    if (!this.#started) {
      this.#started = true;
      this.#link.start();
    }
    // Otherwise it is asked when the connection is there.
    if (this.#link.connection !== undefined) this.#subscribe(channels, only);
  }

  #up(connection: RedisConnection): void {
    connection.onMessage((channel, message) => {
      for (const { onMessage } of [...(this.#channels.get(channel) ?? [])]) onMessage(message);
    });
    const channels = [...this.#channels.keys()];
    if (channels.length > 0) this.#subscribe(channels);
  }

  #subscribe(channels: readonly string[], only?: Listener): void {
    this.#link.call("subscribe", channels).then(
      () => {
        if (only !== undefined) only.onSubscribed();
        else
          for (const channel of channels)
            for (const { onSubscribed } of this.#channels.get(channel) ?? []) onSubscribed();
      },
      (error: Error) => this.#link.fail(error),
    );
  }
}
