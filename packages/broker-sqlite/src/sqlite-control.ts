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
import type { ControlNews } from "./sqlite-operations.ts";
import type { SqliteStore } from "./sqlite-store.ts";

/** Presence is promised for this long and renewed three times in it: who died without a word is counted until then. */
const PRESENCE_MS = 10_000;
const HEARTBEAT_MS = 3_000;
/** Under a storm of commits the tables are looked at this often, not once per commit. */
const MIN_POLL_GAP_MS = 5;
const EVENT_TTL_MS = 10_000;
/** Somebody who only emits asks this often whether anybody listens. */
const LISTENED_CHECK_MS = 400;
const NOBODY_WAITS = { done: () => {}, gaveUp: () => {}, closed: () => {} };

interface Server {
  readonly identity: WorkerIdentity;
  readonly handler: ControlHandler;
}

interface Broadcast {
  after: number;
  readonly replies: Replies;
}

/**
 * Broadcast, replies and events as rows that expire, noticed as other commits are. Not synced to the disk: a power cut ends whoever
 * waits for them.
 */
export class SqliteControl implements ControlChannel {
  readonly #store: SqliteStore;
  readonly #servers = new Map<string, Server>();
  readonly #listeners = new Map<string, (events: readonly TaskEvent[]) => void>();
  readonly #broadcasts = new Map<number, Broadcast>();
  readonly #asked = new Set<Replies>();
  readonly #events = new EventGathering((events, lost) => this.#sendEvents(events, lost));
  #commandsAfter = 0;
  #eventsAfter = 0;
  #unwatch: (() => void) | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #polling = false;
  #pollAgain = false;
  #polledAt = Number.NEGATIVE_INFINITY;
  #listenedUntil = 0;
  #closed = false;

  constructor(store: SqliteStore) {
    this.#store = store;
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
    this.#asked.add(replies);
    replies.onEnd = () => {
      this.#asked.delete(replies);
    };
    this.#watch();
    let seq: number | undefined;
    try {
      seq = await this.#store.run("postCommand", { body: JSON.stringify(command), ttlMs: options.timeoutMs });
      this.#broadcasts.set(seq, { after: 0, replies });
      this.#poll();
      yield* replies;
    } finally {
      replies.end();
      if (seq !== undefined) {
        this.#broadcasts.delete(seq);
        this.#store.ask("finishCommand", seq, NOBODY_WAITS);
      }
      this.#watch();
    }
  }

  async serving(): Promise<number> {
    this.#check();
    return await this.#store.run("countPresent", "worker");
  }

  async serve(identity: WorkerIdentity, handler: ControlHandler): Promise<void> {
    this.#check();
    if (this.#servers.has(identity.id)) {
      throw new ConfigurationError(`worker "${identity.id}" serves already; give each worker a name of its own`, {
        subject: { worker: identity.id },
      });
    }
    const first = this.#servers.size === 0;
    this.#servers.set(identity.id, { identity, handler });
    if (first) this.#commandsAfter = (await this.#store.run("lastControl", null)).command;
    this.#watch();
    await this.#store.run("appear", { kind: "worker", id: identity.id, forMs: PRESENCE_MS });
    this.#poll();
  }

  get listened(): boolean {
    const now = performance.now();
    if (!this.#closed && this.#unwatch === undefined && now - this.#polledAt > LISTENED_CHECK_MS) this.#poll();
    return now < this.#listenedUntil;
  }

  emit(events: readonly TaskEvent[]): void {
    if (!this.#closed && events.length > 0 && this.listened) this.#events.add(events);
  }

  async listen(listener: (events: readonly TaskEvent[]) => void): Promise<() => Promise<void>> {
    this.#check();
    const id = randomUUID();
    if (this.#listeners.size === 0) this.#eventsAfter = (await this.#store.run("lastControl", null)).event;
    this.#listeners.set(id, listener);
    this.#watch();
    await this.#store.run("appear", { kind: "listener", id, forMs: PRESENCE_MS });
    return async () => {
      if (!this.#listeners.delete(id)) return;
      this.#watch();
      if (!this.#closed) await this.#store.run("disappear", { kind: "listener", id });
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#events.close();
    const gone = (kind: "worker" | "listener", id: string): void => {
      this.#store.ask("disappear", { kind, id }, NOBODY_WAITS);
    };
    for (const id of this.#servers.keys()) gone("worker", id);
    for (const id of this.#listeners.keys()) gone("listener", id);
    this.#servers.clear();
    this.#listeners.clear();
    for (const replies of this.#asked) replies.end();
    this.#watch();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #check(): void {
    if (this.#closed) throw new BrokerClosedError();
  }

  /** Looks for news while there is somebody to tell. */
  #watch(): void {
    const wanted = this.#servers.size > 0 || this.#listeners.size > 0 || (!this.#closed && this.#asked.size > 0);
    if (wanted === (this.#unwatch !== undefined)) return;
    if (wanted) {
      this.#unwatch = this.#store.watch("control", () => this.#poll());
      this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
    } else {
      this.#unwatch?.();
      this.#unwatch = undefined;
      clearInterval(this.#heartbeat);
    }
  }

  #beat(): void {
    const stay = (kind: "worker" | "listener", id: string): void => {
      const input = { kind, id, forMs: PRESENCE_MS };
      this.#store.ask("appear", input, NOBODY_WAITS);
    };
    for (const id of this.#servers.keys()) stay("worker", id);
    for (const id of this.#listeners.keys()) stay("listener", id);
  }

  /** One look at a time; what changed meanwhile is looked at after it. */
  #poll(): void {
    if (this.#polling) {
      this.#pollAgain = true;
      return;
    }
    this.#polling = true;
    this.#pollAgain = false;
    const wait = this.#polledAt + MIN_POLL_GAP_MS - performance.now();
    if (wait > 0) setTimeout(() => this.#look(), wait).unref();
    else this.#look();
  }

  #look(): void {
    this.#polledAt = performance.now();
    const over = (): void => {
      this.#polling = false;
      if (this.#pollAgain && !this.#closed) this.#poll();
    };
    this.#store.ask(
      "pollControl",
      {
        commandsAfter: this.#servers.size > 0 ? this.#commandsAfter : undefined,
        eventsAfter: this.#listeners.size > 0 ? this.#eventsAfter : undefined,
        replies: [...this.#broadcasts].map(([seq, { after }]) => [seq, after] as const),
      },
      {
        done: (news) => {
          this.#tell(news);
          over();
        },
        // At most once: what was not seen in time is not seen.
        gaveUp: over,
        closed: () => {},
      },
    );
  }

  #tell(news: ControlNews): void {
    this.#listenedUntil = performance.now() + news.listenedForMs;
    if (news.listenedForMs === 0) this.#listenedUntil = 0;
    for (const [command, seq, body] of news.replies) {
      const broadcast = this.#broadcasts.get(command);
      if (broadcast === undefined || seq <= broadcast.after) continue;
      broadcast.after = seq;
      broadcast.replies.add(JSON.parse(body) as ControlReply);
    }
    for (const [seq, body] of news.commands) {
      this.#commandsAfter = Math.max(this.#commandsAfter, seq);
      this.#obey(seq, JSON.parse(body) as ControlCommand);
    }
    for (const [seq, body] of news.events) {
      this.#eventsAfter = Math.max(this.#eventsAfter, seq);
      const events = JSON.parse(body) as TaskEvent[];
      for (const listener of this.#listeners.values()) listener(events);
    }
    if (news.events.length > 0) this.#pollAgain = true;
  }

  #obey(seq: number, command: ControlCommand): void {
    for (const { identity, handler } of this.#servers.values()) {
      if (command.to !== undefined && !command.to.includes(identity.id)) continue;
      void jsonReplyOf(identity.id, command, handler).then((body) => {
        if (this.#closed) return;
        const input = { command: seq, body, ttlMs: PRESENCE_MS };
        this.#store.ask("postReply", input, NOBODY_WAITS);
      });
    }
  }

  #sendEvents(events: readonly TaskEvent[], lost: () => void): void {
    const input = { body: JSON.stringify(events), ttlMs: EVENT_TTL_MS };
    this.#store.ask("postEvents", input, { done: (stored) => stored || lost(), gaveUp: lost, closed: lost });
  }
}
