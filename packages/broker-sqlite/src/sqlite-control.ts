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
import type { ControlNews } from "./sqlite-operations.ts";
import type { SqliteStore } from "./sqlite-store.ts";

/** Presence is promised for this long and renewed three times in it: who died without a word is counted until then. */
const PRESENCE_MS = 10_000;
const HEARTBEAT_MS = 3_000;
/** Under a storm of commits the tables are looked at this often, not once per commit. */
const MIN_POLL_GAP_MS = 5;
const EVENT_TTL_MS = 10_000;
const EVENT_GATHER_MS = 20;
const EVENTS_PER_ROW = 500;
const MAX_GATHERED_EVENTS = 10_000;
/** Somebody who only emits asks this often whether anybody listens. */
const LISTENED_CHECK_MS = 400;

interface Server {
  readonly identity: WorkerIdentity;
  readonly handler: ControlHandler;
}

interface Broadcast {
  after: number;
  receive(reply: ControlReply): void;
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
  readonly #ends = new Set<() => void>();
  #commandsAfter = 0;
  #eventsAfter = 0;
  #unwatch: (() => void) | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #polling = false;
  #pollAgain = false;
  #polledAt = Number.NEGATIVE_INFINITY;
  #listenedUntil = 0;
  #events: TaskEvent[] = [];
  #eventTimer: NodeJS.Timeout | undefined;
  #dropped = 0;
  #closed = false;

  constructor(store: SqliteStore) {
    this.#store = store;
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
    this.#watch();
    const seq = await this.#store.run("postCommand", { body: JSON.stringify(command), ttlMs: timeoutMs });
    const receive = (reply: ControlReply): void => {
      replies.push(reply);
      wake();
    };
    this.#broadcasts.set(seq, { after: 0, receive });
    this.#poll();
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
      this.#broadcasts.delete(seq);
      this.#store.ask("finishCommand", seq, { done: () => {}, gaveUp: () => {}, closed: () => {} });
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
    clearTimeout(this.#eventTimer);
    const gone = (kind: "worker" | "listener", id: string): void => {
      this.#store.ask("disappear", { kind, id }, { done: () => {}, gaveUp: () => {}, closed: () => {} });
    };
    for (const id of this.#servers.keys()) gone("worker", id);
    for (const id of this.#listeners.keys()) gone("listener", id);
    this.#servers.clear();
    this.#listeners.clear();
    for (const end of this.#ends) end();
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
    const wanted = this.#servers.size > 0 || this.#listeners.size > 0 || (!this.#closed && this.#ends.size > 0);
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
      this.#store.ask("appear", input, { done: () => {}, gaveUp: () => {}, closed: () => {} });
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
      broadcast.receive(JSON.parse(body) as ControlReply);
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
      void answerOf(identity.id, handler, command).then((body) => {
        if (this.#closed) return;
        const input = { command: seq, body, ttlMs: PRESENCE_MS };
        this.#store.ask("postReply", input, { done: () => {}, gaveUp: () => {}, closed: () => {} });
      });
    }
  }

  #sendEvents(): void {
    this.#eventTimer = undefined;
    const events = this.#events;
    this.#events = [];
    for (let start = 0; start < events.length; start += EVENTS_PER_ROW) {
      const chunk = events.slice(start, start + EVENTS_PER_ROW);
      const lost = (): void => {
        this.#dropped += chunk.length;
      };
      const input = { body: JSON.stringify(chunk), ttlMs: EVENT_TTL_MS };
      this.#store.ask("postEvents", input, { done: (stored) => stored || lost(), gaveUp: lost, closed: lost });
    }
  }
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
