import { randomUUID } from "node:crypto";
import { jsonReplyOf, Replies } from "@lovage/core/brokers";
import {
  BrokerClosedError,
  BrokerUnavailableError,
  ConfigurationError,
  type ControlChannel,
  type ControlCommand,
  type ControlHandler,
  type ControlReply,
  type TaskEvent,
  type WorkerIdentity,
} from "@lovage/core/contracts";
import type { NatsLink } from "../connection/nats-link.ts";
import type { NatsSubscription } from "../connection/nats-port.ts";
import type { Bucket } from "../queues/nats-bucket.ts";
import type { Layout } from "../queues/nats-layout.ts";
import { Streams } from "../queues/nats-streams.ts";
import { NatsEvents } from "./nats-events.ts";

/** Presence is kept this long and renewed three times in it: who died without a word is counted until then. */
export const PRESENCE_MS = 10_000;
const RENEW_MS = 3_000;

export interface ControlContext {
  readonly link: NatsLink;
  readonly layout: Layout;
  /** Who serves. */
  readonly presence: Bucket;
}

interface Served {
  readonly heard: NatsSubscription;
  readonly renewal: NodeJS.Timeout;
  readonly key: string;
}

/**
 * Commands on a core subject, replies to an inbox of the asker, events on another subject: at most once, and nothing of it is stored but who
 * serves.
 *
 * ```
 * <ns>.c.commands    → every worker, which looks whether it is meant
 * <ns>.c.events      → everybody who listens
 * <ns>.c.listening   → every emitter: somebody listens, or does so no longer
 * <ns>.c.who         → every listener: say so
 * ```
 */
export class NatsControl implements ControlChannel {
  readonly #events: NatsEvents;
  readonly #context: () => ControlContext | undefined;
  readonly #served = new Map<string, Served>();
  readonly #asked = new Set<Replies>();
  #closed = false;

  /** `context` gives nothing before the broker is connected. */
  constructor(context: () => ControlContext | undefined) {
    this.#context = context;
    this.#events = new NatsEvents(context);
  }

  get listened(): boolean {
    return !this.#closed && this.#events.listened;
  }

  get dropped(): number {
    return this.#events.dropped;
  }

  async *broadcast(
    command: ControlCommand,
    options: { readonly timeoutMs: number; readonly expect?: number },
  ): AsyncGenerator<ControlReply, void, void> {
    const { link, layout } = this.#reach();
    const replies = new Replies(options);
    this.#asked.add(replies);
    const inbox = link.inbox();
    const heard = link.hear(inbox, ({ data }) => {
      // A server's word that nobody serves is empty.
      if (data.length > 0) replies.add(JSON.parse(Buffer.from(data).toString()) as ControlReply);
    });
    replies.onEnd = () => {
      this.#asked.delete(replies);
      heard.unsubscribe();
    };
    link.say(layout.control("commands"), JSON.stringify(command), undefined, inbox);
    yield* replies;
  }

  async serving(): Promise<number | undefined> {
    const { link, presence } = this.#reach();
    const info = await new Streams(link).info(`KV_${presence.name}`);
    return info?.state.messages;
  }

  async serve(identity: WorkerIdentity, handler: ControlHandler): Promise<void> {
    const { link, layout, presence } = this.#reach();
    const { id } = identity;
    if (this.#served.has(id)) {
      throw new ConfigurationError(`"${id}" serves already on this connection; give each worker a name of its own`);
    }
    const heard = link.hear(layout.control("commands"), ({ data, reply }) => {
      const command = JSON.parse(Buffer.from(data).toString()) as ControlCommand;
      if (reply === undefined || (command.to !== undefined && !command.to.includes(id))) return;
      void jsonReplyOf(id, command, handler).then((said) => link.say(reply, said));
    });
    this.#events.attend();
    const key = randomUUID();
    const renew = (): Promise<unknown> => presence.put(key, id).catch(() => {});
    const renewal = setInterval(() => void renew(), RENEW_MS).unref();
    this.#served.set(id, { heard, renewal, key });
    await presence.put(key, id);
    await link.flush();
  }

  emit(events: readonly TaskEvent[]): void {
    if (!this.#closed) this.#events.emit(events);
  }

  async listen(listener: (events: readonly TaskEvent[]) => void): Promise<() => Promise<void>> {
    this.#reach();
    return this.#events.listen(listener);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const replies of this.#asked) replies.end();
    this.#events.close();
    const served = [...this.#served.values()];
    this.#served.clear();
    const { presence, link } = this.#context() ?? {};
    await Promise.all(
      served.map(({ heard, renewal, key }) => {
        clearInterval(renewal);
        heard.unsubscribe();
        return presence?.delete(key).catch(() => {});
      }),
    );
    await link?.flush();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #reach(): ControlContext {
    if (this.#closed) throw new BrokerClosedError();
    const context = this.#context();
    if (context === undefined) throw new BrokerUnavailableError("the broker is not connected; await connect() first");
    return context;
  }
}
