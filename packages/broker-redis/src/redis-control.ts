import { randomUUID } from "node:crypto";
import { EventGathering, jsonReplyOf, Replies } from "@lovage/core/brokers";
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
  readonly #events = new EventGathering((events, lost) => this.#sendEvents(events, lost));
  #endCommands: (() => void) | undefined;
  #listened = false;
  #listenedCheckedAt = Number.NEGATIVE_INFINITY;
  #eventsUnderWay = 0;
  #closed = false;

  constructor(server: RedisSession) {
    this.#server = server;
    this.#subscriptions = new Subscriptions(server);
  }

  get dropped(): number {
    return this.#events.dropped;
  }

  async *broadcast(
    command: ControlCommand,
    options: { readonly timeoutMs: number; readonly expect?: number },
  ): AsyncGenerator<ControlReply, void, void> {
    this.#check();
    const replies = new Replies(options);
    const end = (): void => replies.end();
    this.#ends.add(end);
    const from = this.#server.layout.channel(`reply:${randomUUID()}`);
    const body = JSON.stringify({ from, command } satisfies Travelling);
    let sent = false;
    const unsubscribe = this.#subscriptions.subscribe(
      from,
      (message) => replies.add(JSON.parse(message) as ControlReply),
      () => {
        if (sent || this.#closed) return;
        sent = true;
        // Should it fail, nobody has heard it, and the timeout says so.
        this.#publish("control", body).catch(() => {});
      },
    );
    replies.onEnd = () => {
      this.#ends.delete(end);
      unsubscribe();
    };
    yield* replies;
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
    if (!this.#closed && events.length > 0 && this.listened) this.#events.add(events);
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
    this.#events.close();
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
      void jsonReplyOf(identity.id, command, handler).then((body) => {
        // At most once: who asked waits no longer than it said.
        if (!this.#closed) this.#tell(from, body).catch(() => {});
      });
    }
  }

  #sendEvents(events: readonly TaskEvent[], lost: () => void): void {
    if (this.#eventsUnderWay + events.length > MAX_EVENTS_UNDER_WAY) {
      lost();
      return;
    }
    this.#eventsUnderWay += events.length;
    this.#publish("events", JSON.stringify(events))
      .catch(lost)
      .finally(() => {
        this.#eventsUnderWay -= events.length;
      });
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
