import { randomUUID } from "node:crypto";
import {
  BrokerClosedError,
  ConfigurationError,
  type ControlChannel,
  type ControlCommand,
  type ControlHandler,
  type ControlReply,
  type TaskEvent,
  type WorkerIdentity,
} from "@lovage/core/contracts";
import type { RedisSession } from "./redis-session.ts";
import { Subscriptions } from "./redis-subscriptions.ts";

const EVENT_GATHER_MS = 20;
const EVENTS_PER_MESSAGE = 500;
const MAX_GATHERED_EVENTS = 10_000;
/** What may be on its way to the server; more is dropped, and counted. */
const MAX_EVENTS_UNDER_WAY = 20_000;
/** Somebody who emits asks this often whether anybody listens. */
const LISTENED_CHECK_MS = 400;

interface Server {
  readonly identity: WorkerIdentity;
  readonly handler: ControlHandler;
  end(): void;
}

/** What all who serve hear: a command, with where replies go, or that somebody listens to events from now on. */
type Travelling = { readonly from: string; readonly command: ControlCommand } | { readonly listening: true };

/** Commands, replies and events by pub/sub: nothing of it is stored. */
export class RedisControl implements ControlChannel {
  readonly #server: RedisSession;
  readonly #subscriptions: Subscriptions;
  readonly #servers = new Map<string, Server>();
  readonly #ends = new Set<() => void>();
  #endCommands: (() => void) | undefined;
  #listened = false;
  #listenedCheckedAt = Number.NEGATIVE_INFINITY;
  #events: TaskEvent[] = [];
  #eventsUnderWay = 0;
  #eventTimer: NodeJS.Timeout | undefined;
  #dropped = 0;
  #closed = false;

  constructor(server: RedisSession) {
    this.#server = server;
    this.#subscriptions = new Subscriptions(server);
  }

  get dropped(): number {
    return this.#dropped;
  }

  async *broadcast(
    command: ControlCommand,
    options: { readonly timeoutMs: number; readonly expect?: number },
  ): AsyncGenerator<ControlReply, void, void> {
    this.#check();
    const { timeoutMs, expect = Number.POSITIVE_INFINITY } = options;
    const until = performance.now() + timeoutMs;
    const replies: ControlReply[] = [];
    let wake = (): void => {};
    const end = (): void => wake();
    this.#ends.add(end);
    const from = this.#server.layout.channel(`reply:${randomUUID()}`);
    const body = JSON.stringify({ from, command } satisfies Travelling);
    let sent = false;
    const unsubscribe = this.#subscriptions.subscribe(
      from,
      (message) => {
        replies.push(JSON.parse(message) as ControlReply);
        wake();
      },
      () => {
        if (sent || this.#closed) return;
        sent = true;
        // Should it fail, nobody has heard it, and the timeout says so.
        this.#publish("control", body).catch(() => {});
      },
    );
    try {
      for (let yielded = 0; yielded < expect && !this.#closed; ) {
        const reply = replies.shift();
        if (reply !== undefined) {
          yield reply;
          yielded += 1;
          continue;
        }
        const left = until - performance.now();
        if (left <= 0) return;
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, left);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    } finally {
      this.#ends.delete(end);
      unsubscribe();
    }
  }

  /** Each has a channel of its own besides the common one, so that the server can count them. */
  async serving(): Promise<number> {
    this.#check();
    const prefix = this.#server.layout.channel("worker:");
    return ((await this.#ask(["channels", `${escaped(prefix)}*`])) as string[]).length;
  }

  async serve(identity: WorkerIdentity, handler: ControlHandler): Promise<void> {
    this.#check();
    if (this.#servers.has(identity.id)) {
      throw new ConfigurationError(`worker "${identity.id}" serves already; give each worker a name of its own`, {
        subject: { worker: identity.id },
      });
    }
    await this.#untilClosed((resolve) => {
      const channel = this.#server.layout.channel(`worker:${identity.id}`);
      this.#endCommands ??= this.#subscriptions.subscribe(
        this.#server.layout.channel("control"),
        (message) => this.#hear(JSON.parse(message) as Travelling),
        // Who listens already said so before.
        () => this.#checkListened(),
      );
      const end = this.#subscriptions.subscribe(channel, () => {}, resolve);
      this.#servers.set(identity.id, { identity, handler, end });
    });
    this.#check();
  }

  /** Who serves is told of a listener; who does not asks when it has something to say. */
  get listened(): boolean {
    if (!this.#closed && performance.now() - this.#listenedCheckedAt > LISTENED_CHECK_MS) this.#checkListened();
    return this.#listened;
  }

  emit(events: readonly TaskEvent[]): void {
    if (this.#closed || events.length === 0) return;
    if (!this.listened) return;
    for (const event of events) {
      if (this.#events.length < MAX_GATHERED_EVENTS) this.#events.push(event);
      else this.#dropped += 1;
    }
    this.#eventTimer ??= setTimeout(() => this.#sendEvents(), EVENT_GATHER_MS).unref();
  }

  async listen(listener: (events: readonly TaskEvent[]) => void): Promise<() => Promise<void>> {
    this.#check();
    const channel = this.#server.layout.channel("events");
    let end = (): void => {};
    await this.#untilClosed((resolve) => {
      const subscribed = (): void => {
        // At most once, as everything here: who does not hear it asks when it has something to say.
        this.#publish("control", JSON.stringify({ listening: true } satisfies Travelling)).catch(() => {});
        resolve();
      };
      end = this.#subscriptions.subscribe(
        channel,
        (message) => listener(JSON.parse(message) as TaskEvent[]),
        subscribed,
      );
    });
    this.#check();
    return async () => end();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#eventTimer);
    this.#servers.clear();
    for (const end of this.#ends) end();
    this.#subscriptions.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #check(): void {
    if (this.#closed) throw new BrokerClosedError();
  }

  /** Resolves when `begin` says so, or when the channel closes. */
  async #untilClosed(begin: (resolve: () => void) => void): Promise<void> {
    let end = (): void => {};
    await new Promise<void>((resolve) => {
      end = resolve;
      this.#ends.add(end);
      begin(resolve);
    });
    this.#ends.delete(end);
  }

  #checkListened(): void {
    this.#listenedCheckedAt = performance.now();
    this.#ask(["numsub", this.#server.layout.channel("events")]).then(
      (answer) => {
        this.#listened = Number((answer as [string, number])[1]) > 0;
      },
      () => {},
    );
  }

  #hear(heard: Travelling): void {
    if ("listening" in heard) {
      this.#listened = true;
      this.#listenedCheckedAt = performance.now();
      return;
    }
    const { from, command } = heard;
    for (const { identity, handler } of this.#servers.values()) {
      if (command.to !== undefined && !command.to.includes(identity.id)) continue;
      void answerOf(identity.id, handler, command).then((body) => {
        // At most once: who asked waits no longer than it said.
        if (!this.#closed) this.#tell(from, body).catch(() => {});
      });
    }
  }

  #sendEvents(): void {
    this.#eventTimer = undefined;
    const events = this.#events;
    this.#events = [];
    for (let start = 0; start < events.length; start += EVENTS_PER_MESSAGE) {
      const chunk = events.slice(start, start + EVENTS_PER_MESSAGE);
      if (this.#eventsUnderWay + chunk.length > MAX_EVENTS_UNDER_WAY) {
        this.#dropped += chunk.length;
        continue;
      }
      this.#eventsUnderWay += chunk.length;
      this.#publish("events", JSON.stringify(chunk))
        .catch(() => {
          this.#dropped += chunk.length;
        })
        .finally(() => {
          this.#eventsUnderWay -= chunk.length;
        });
    }
  }

  #publish(channel: "control" | "events", body: string): Promise<unknown> {
    return this.#tell(this.#server.layout.channel(channel), body);
  }

  #tell(channel: string, body: string): Promise<unknown> {
    return this.#call("publish", [channel, body]);
  }

  #ask(args: readonly string[]): Promise<unknown> {
    return this.#call("pubsub", args);
  }

  /** In a cluster, on the node that all subscribers of this prefix are on: from node to node messages may be lost. */
  #call(command: string, args: readonly string[]): Promise<unknown> {
    return this.#server.isCluster ? this.#subscriptions.ask(command, args) : this.#server.link.call(command, args);
  }
}

function escaped(pattern: string): string {
  return pattern.replaceAll(/[*?[\]\\]/g, "\\$&");
}

/** The reply as JSON. A handler that throws, or answers what JSON cannot carry, sends its message as the error. */
async function answerOf(worker: string, handler: ControlHandler, command: ControlCommand): Promise<string> {
  try {
    const value = (await handler(command)) ?? null;
    return JSON.stringify({ worker, ok: true, value } satisfies ControlReply);
  } catch (error) {
    const message = String((error as Error)?.message ?? error);
    return JSON.stringify({ worker, ok: false, error: message } satisfies ControlReply);
  }
}
