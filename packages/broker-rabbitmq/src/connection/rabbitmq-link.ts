import type { Duplex } from "node:stream";
import { abortable, backoff, withinDeadline } from "@lovage/core/brokers";
import { BrokerClosedError, BrokerUnavailableError, type LovageError } from "@lovage/core/contracts";
import { type Channel, type ChannelModel, connect, type ServerProperties, type SocketOptions } from "amqplib";
import { rabbitMqError } from "../rabbitmq-errors.ts";
import type { Server } from "../rabbitmq-options.ts";
import { writeTogether } from "./rabbitmq-writes.ts";

/** The connection as long as it is there. Work on it that fails because it ended is told so. */
export type Session = ChannelModel;

export interface LinkSettings {
  /** Tried in turn. */
  readonly servers: readonly Server[];
  readonly connectTimeoutMs: number;
}

export interface LinkListeners {
  /** What must be there before the link counts as up, at every connection. When it rejects, the connection is closed and made anew. */
  setUp(session: Session): Promise<void>;
  /** It is up, once more. */
  up(): void;
  /** It was up, and is no more. */
  down(error: LovageError): void;
  blocked?(reason: string): void;
  unblocked?(): void;
}

/** Back within a second of a server's return, however long it was away. */
const MOST_WAIT_MS = 500;

/**
 * One connection that comes back by itself:
 *
 *     idle → (open) connecting → up → (cut) waiting → connecting → up …; each → (close) closed
 */
export class Link {
  readonly #settings: LinkSettings;
  readonly #listeners: LinkListeners;
  #session: Session | undefined;
  /** Ends the try that is under way. */
  #attempt: AbortController | undefined;
  /** It has been up, and is to be again. */
  #kept = false;
  #opening: Promise<void> | undefined;
  #waiting: NodeJS.Timeout | undefined;
  #awaiting: Pick<PromiseWithResolvers<Session>, "resolve" | "reject">[] = [];
  #turn = 0;
  #failures = 0;
  #closed = false;
  #lastError: LovageError | undefined;

  constructor(settings: LinkSettings, listeners: LinkListeners) {
    this.#settings = settings;
    this.#listeners = listeners;
  }

  get isUp(): boolean {
    return this.#session !== undefined;
  }

  /** Throws `BrokerUnavailableError` while it is down. */
  get session(): Session {
    if (this.#session !== undefined) return this.#session;
    if (this.#closed) throw new BrokerClosedError();
    throw this.#lastError ?? new BrokerUnavailableError("the connection to RabbitMQ is being made");
  }

  get serverProperties(): ServerProperties {
    return this.session.connection.serverProperties;
  }

  /** One try. Rejects with a `LovageError`; from the first success on it keeps itself up. */
  open(signal: AbortSignal): Promise<void> {
    if (this.isUp) return Promise.resolve();
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = undefined;
    });
    return abortable(this.#opening, signal);
  }

  /** The server is there, as another link has found: tries now what would be tried soon. */
  hurry(): void {
    if (this.#waiting === undefined) return;
    clearTimeout(this.#waiting);
    this.#tryNow();
  }

  /** Resolves when it is up; rejects when it is closed first. */
  whenUp(): Promise<Session> {
    if (this.#session !== undefined || this.#closed) return Promise.resolve().then(() => this.session);
    return new Promise((resolve, reject) => this.#awaiting.push({ resolve, reject }));
  }

  /**
   * Runs `work` on a channel of its own, closed afterwards: whatever the server has against it ends that channel alone. Waits for the link
   * to be up, for as long as its caller does.
   */
  async withChannel<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
    const channel = await (await this.whenUp()).createChannel();
    // What went wrong rejects the call that asked for it.
    channel.on("error", () => {});
    try {
      return await work(channel);
    } finally {
      await channel.close().catch(() => {});
    }
  }

  /** As {@link drop}, for good. */
  close(ms: number): Promise<void> {
    this.#closed = true;
    return this.drop(ms);
  }

  /** Ends the connection, politely for at most `ms`, then by cutting it. It does not come back by itself. */
  async drop(ms: number): Promise<void> {
    this.#kept = false;
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
    this.#attempt?.abort();
    for (const { reject } of this.#awaiting.splice(0)) reject(this.#lastError ?? new BrokerClosedError());
    const session = this.#session;
    this.#session = undefined;
    if (session !== undefined) await end(session, ms);
  }

  async #connect(): Promise<void> {
    const { servers, connectTimeoutMs } = this.#settings;
    const server = servers[this.#turn % servers.length] as Server;
    const attempt = new AbortController();
    const { signal } = attempt;
    this.#attempt = attempt;
    // amqplib hands it all on to the socket, also what its types do not name.
    const options: SocketOptions & { readonly signal: AbortSignal } = {
      ...server.socket,
      signal,
      timeout: connectTimeoutMs,
      noDelay: true,
    };
    let session: Session | undefined;
    try {
      session = await connect(server.connect, options);
      writeTogether(socketOf(session));
      const ended = this.#watch(session);
      signal.throwIfAborted();
      await Promise.race([withinDeadline(this.#listeners.setUp(session), connectTimeoutMs, "setting up"), ended]);
      signal.throwIfAborted();
    } catch (error) {
      this.#turn += 1;
      if (session !== undefined) await end(session, 0);
      this.#lastError = this.#closed ? new BrokerClosedError() : rabbitMqError(error);
      throw this.#lastError;
    } finally {
      if (this.#attempt === attempt) this.#attempt = undefined;
    }
    this.#session = session;
    this.#kept = true;
    this.#failures = 0;
    this.#listeners.up();
    for (const { resolve } of this.#awaiting.splice(0)) resolve(session);
  }

  /** Rejects when the session ends while it is being set up; later the link comes back by itself. */
  #watch(session: Session): Promise<never> {
    let reason: Error | undefined;
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    session.on("error", (error) => {
      reason = error;
    });
    // A listener of ours that throws is a bug of ours: the process hears of it.
    session.on("handler-error", (error) => {
      process.nextTick(() => {
        throw error;
      });
    });
    session.on("blocked", (why) => this.#listeners.blocked?.(why));
    session.on("unblocked", () => this.#listeners.unblocked?.());
    session.on("close", (error) => {
      // The other side may be gone without a word: then nothing but this closes the socket.
      socketOf(session).destroy();
      const cause = reason ?? error ?? new Error("the connection was closed");
      reject(cause);
      if (this.#session !== session) return;
      this.#session = undefined;
      this.#lastError = rabbitMqError(cause);
      this.#listeners.down(this.#lastError);
      this.#comeBack();
    });
    return promise;
  }

  #comeBack(): void {
    if (!this.#kept) return;
    this.#failures += 1;
    const waitMs = this.#failures === 1 ? Math.random() * 20 : backoff(this.#failures - 1, 50, MOST_WAIT_MS);
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => this.#tryNow(), waitMs);
  }

  #tryNow(): void {
    this.#waiting = undefined;
    if (this.isUp || !this.#kept) return;
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = undefined;
    });
    this.#opening.catch(() => this.#comeBack());
  }
}

async function end(session: Session, ms: number): Promise<void> {
  const socket = socketOf(session);
  if (ms > 0 && !socket.destroyed) {
    let late: NodeJS.Timeout | undefined;
    const tooLate = new Promise<void>((resolve) => {
      late = setTimeout(resolve, ms);
    });
    await Promise.race([session.close().catch(() => {}), tooLate]);
    clearTimeout(late);
  }
  socket.destroy();
  heartOf(session)?.clear();
}

interface Inside {
  readonly stream: Duplex;
  readonly heartbeater: { clear(): void } | null;
}

/** amqplib has no word for cutting a connection that does not answer. */
function socketOf(session: Session): Inside["stream"] {
  return (session.connection as unknown as Inside).stream;
}

function heartOf(session: Session): Inside["heartbeater"] {
  return (session.connection as unknown as Inside).heartbeater;
}
