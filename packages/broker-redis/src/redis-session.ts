/** The server as the broker, the result store and the control channel see it: one link for commands, facts learned, a namespace. */

import { backoff } from "@lovage/core/brokers";
import { BrokerStorageError, BrokerUnavailableError, isLovageError } from "@lovage/core/contracts";
import { errorOf, isFull, LinkError, REDIS_CODES } from "./redis-errors.ts";
import { LAYOUT, Layout } from "./redis-layout.ts";
import { RedisLink } from "./redis-link.ts";
import { commonSettings, DEFAULT_PREFIX, type RedisCommonOptions, type RedisPlace } from "./redis-options.ts";
import {
  type ConnectionUse,
  isClusterTarget,
  openConnection,
  type RedisConnection,
  type RedisTarget,
} from "./redis-port.ts";
import { learn, type ServerFacts } from "./redis-server.ts";
import { placeOf } from "./redis-target.ts";
import type { Script } from "./scripts/script.ts";

/** A server that does not answer within half of an operation's time is given up, so that the other half is for another try. */
const LONGEST_COMMAND_MS = 5_000;

export interface SessionEvents {
  onUp?(connection: RedisConnection): void;
  onDown?(error: Error): void;
}

export class RedisSession {
  readonly address: string;
  readonly layout: Layout;
  readonly operationTimeoutMs: number;
  readonly isCluster: boolean;
  readonly link: RedisLink;
  readonly #target: RedisTarget;
  readonly #commandMs: number;
  readonly #heartbeatMs: number;

  constructor(options: RedisPlace & RedisCommonOptions, events: SessionEvents = {}) {
    const { target, address, prefix: named = DEFAULT_PREFIX } = placeOf(options);
    const { prefix, operationTimeoutMs, heartbeatMs } = commonSettings({ prefix: named, ...options });
    this.address = address;
    this.layout = new Layout(prefix);
    this.operationTimeoutMs = operationTimeoutMs;
    this.#heartbeatMs = heartbeatMs;
    this.isCluster = isClusterTarget(target);
    this.#target = target;
    this.#commandMs = Math.min(LONGEST_COMMAND_MS, Math.ceil(operationTimeoutMs / 2));
    this.link = this.newLink("commands", undefined, events);
  }

  /** Another link to the same place. With `key`, in a cluster: to the node that has it. */
  newLink(use: ConnectionUse, key?: string, events: SessionEvents = {}): RedisLink {
    return new RedisLink({
      address: this.address,
      heartbeatMs: this.#heartbeatMs,
      open: (signal) => this.open(use, key, signal),
      onUp: (connection) => events.onUp?.(connection),
      onDown: (error) => events.onDown?.(error),
    });
  }

  open(use: ConnectionUse, key: string | undefined, signal: AbortSignal): Promise<RedisConnection> {
    return openConnection(this.#target, { use, key, timeoutMs: this.#commandMs, signal });
  }

  /** One try to reach the server and to make sure that we can work with it. */
  async begin(signal: AbortSignal): Promise<ServerFacts> {
    await this.link.tryOnce(signal);
    const facts = await this.facts();
    await this.#checkLayout();
    return facts;
  }

  async facts(): Promise<ServerFacts> {
    const { connection } = this.link;
    if (connection === undefined) throw new BrokerUnavailableError(`${this.address} is not connected`);
    try {
      return await learn(connection);
    } catch (error) {
      throw errorOf(error, this.address);
    }
  }

  /** For commands that may be sent twice: waits while the server is away, and tries again. Rejects when the operation's time is over. */
  async patient<T>(action: (link: RedisLink) => Promise<T>): Promise<T> {
    const until = performance.now() + this.operationTimeoutMs;
    for (let attempt = 1; ; attempt += 1) {
      const left = until - performance.now();
      try {
        await this.link.whenUp(Math.max(1, left));
        return await action(this.link);
      } catch (error) {
        const passing = error instanceof LinkError || (isLovageError(error) && error.code === "BROKER_BLOCKED");
        if (!passing || performance.now() >= until || this.link.closed) throw error;
        await new Promise((resolve) => setTimeout(resolve, Math.min(backoff(attempt, 25, 500), Math.max(1, left))));
      }
    }
  }

  run(script: Script, queue: string, args: readonly (string | number)[]): Promise<unknown> {
    const keys = this.layout.queue(queue);
    const names = script.keys.map((key) => keys[key]);
    return this.patient((link) => link.run(script, names, args));
  }

  call(command: string, args: readonly (string | number)[]): Promise<unknown> {
    return this.patient((link) => link.call(command, args));
  }

  async #checkLayout(): Promise<void> {
    const key = this.layout.layout;
    const present = await this.link.call("get", [key]);
    if (Number(present ?? 0) > LAYOUT) {
      throw new BrokerStorageError(
        `what is at ${this.address} under "${this.layout.prefix}" was written by a newer Lovage (layout ${present}, this one knows ${LAYOUT}); update this one, or use another prefix`,
        { code: REDIS_CODES.newerLayout },
      );
    }
    if (present !== null) return;
    try {
      await this.link.call("set", [key, LAYOUT, "NX"]);
    } catch (error) {
      // A full server has room for it later.
      if (!isLovageError(error, "BROKER_FULL") && !isFull(error)) throw error;
    }
  }
}
