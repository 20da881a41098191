import { backoff } from "@lovage/core/brokers";
import { BrokerClosedError } from "@lovage/core/contracts";
import { errorOf, isNodeLoss, isPassing, isReply, isWrongServer, LinkError } from "./redis-errors.ts";
import type { RedisConnection } from "./redis-port.ts";

const FIRST_WAIT_MS = 25;
const LONGEST_WAIT_MS = 500;

export interface LinkOptions {
  readonly address: string;
  /** After how long a silence the server is asked whether it is there. Leave out where silence is what is waited for. */
  readonly heartbeatMs?: number;
  readonly open: (signal: AbortSignal) => Promise<RedisConnection>;
  /** A connection is there: the first one, or another after one that broke. */
  readonly onUp?: (connection: RedisConnection) => void;
  /** It broke; another is being made. */
  readonly onDown?: (error: Error) => void;
}

/**
 * Keeps one connection up: down → (start, or a wait after a failure) connecting → up → (it breaks, or does not answer) down; closed from each.
 * Every connection is a new one: nothing of a broken one is used again.
 */
export class RedisLink {
  readonly #options: LinkOptions;
  readonly #closing = new AbortController();
  #connection: RedisConnection | undefined;
  #connecting: Promise<void> | undefined;
  #wait: NodeJS.Timeout | undefined;
  #failures = 0;
  #heartbeat: NodeJS.Timeout | undefined;
  #heard = false;
  #waiters: { resolve(): void; reject(error: Error): void }[] = [];

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get connection(): RedisConnection | undefined {
    return this.#connection;
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** One try. From its success on, the link keeps itself up. Rejects with an error of Lovage. */
  async tryOnce(signal?: AbortSignal): Promise<void> {
    if (this.#connection !== undefined) return;
    this.#connecting ??= this.#connect(signal).finally(() => {
      this.#connecting = undefined;
    });
    await this.#connecting;
  }

  /** Tries until it is up or closed. */
  start(): void {
    if (this.closed || this.#connection !== undefined || this.#connecting !== undefined || this.#wait !== undefined)
      return;
    this.tryOnce().catch(() => this.#again());
  }

  /** Resolves when it is up. Rejects when the link closes, or after `ms` with what it knows. */
  async whenUp(ms?: number): Promise<RedisConnection> {
    while (this.#connection === undefined) {
      if (this.closed) throw new BrokerClosedError();
      this.start();
      await this.#nextUp(ms);
    }
    return this.#connection;
  }

  /** One command on the present connection. Rejects with a {@link LinkError} or another error of Lovage. */
  call(command: string, args: readonly (string | number)[]): Promise<unknown> {
    return this.#use((connection) => connection.call(command, args));
  }

  run(
    script: { readonly sha: string; readonly source: string },
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    return this.#use((connection) => connection.evaluate(script, keys, args));
  }

  /** The present connection is not to be trusted any more: a new one is made. */
  fail(error: Error, connection: RedisConnection | undefined = this.#connection): void {
    if (connection === undefined || connection !== this.#connection) return;
    this.#connection = undefined;
    clearInterval(this.#heartbeat);
    connection.destroy();
    if (this.closed) return;
    this.#options.onDown?.(error);
    this.start();
  }

  close(): void {
    if (this.closed) return;
    this.#closing.abort();
    clearTimeout(this.#wait);
    clearInterval(this.#heartbeat);
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.destroy();
    for (const { reject } of this.#waiters.splice(0)) reject(new BrokerClosedError());
  }

  async #use(action: (connection: RedisConnection) => Promise<unknown>): Promise<unknown> {
    const connection = this.#connection;
    if (connection === undefined) {
      throw new LinkError(`${this.#options.address} is not connected`, { maybeDone: false });
    }
    try {
      const answer = await action(connection);
      this.#heard = true;
      return answer;
    } catch (error) {
      const known = errorOf(error, this.#options.address);
      // No answer, or that of a server that must not be asked: the next one may be better.
      const broken = connection.outlivesNodes ? !isNodeLoss(error) : true;
      if ((!isReply(error) && !isPassing(error) && broken) || (isWrongServer(error) && !connection.outlivesNodes)) {
        this.fail(known, connection);
      }
      throw known;
    }
  }

  async #connect(signal: AbortSignal | undefined): Promise<void> {
    const both = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    let connection: RedisConnection;
    try {
      connection = await this.#options.open(both);
    } catch (error) {
      throw errorOf(error, this.#options.address);
    }
    if (both.aborted) {
      connection.destroy();
      throw new BrokerClosedError();
    }
    this.#failures = 0;
    this.#connection = connection;
    connection.onEnd((error) => {
      this.fail(errorOf(error ?? new Error("the connection was closed"), this.#options.address), connection);
    });
    if (this.#connection === undefined) return;
    this.#watch(connection);
    this.#options.onUp?.(connection);
    for (const { resolve } of this.#waiters.splice(0)) resolve();
  }

  #watch(connection: RedisConnection): void {
    const { heartbeatMs } = this.#options;
    clearInterval(this.#heartbeat);
    if (heartbeatMs === undefined) return;
    this.#heartbeat = setInterval(() => {
      // Whatever the error: it makes the link look for another connection, or it is an answer.
      if (!this.#heard && this.#connection === connection) this.call("ping", []).catch(() => {});
      this.#heard = false;
    }, heartbeatMs).unref();
  }

  #again(): void {
    if (this.closed) return;
    this.#failures += 1;
    this.#wait = setTimeout(
      () => {
        this.#wait = undefined;
        this.start();
      },
      backoff(this.#failures, FIRST_WAIT_MS, LONGEST_WAIT_MS),
    );
  }

  #nextUp(ms: number | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const late =
        ms === undefined
          ? undefined
          : setTimeout(() => {
              reject(new LinkError(`${this.#options.address} could not be reached for ${ms} ms`, { maybeDone: false }));
            }, ms);
      const waiter = {
        resolve: () => {
          clearTimeout(late);
          resolve();
        },
        reject: (error: Error) => {
          clearTimeout(late);
          reject(error);
        },
      };
      this.#waiters.push(waiter);
    });
  }
}
