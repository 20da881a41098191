import { randomUUID } from "node:crypto";
import { Replies, replyOf } from "@lovage/core/brokers";
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
import type { Channel, ConfirmChannel, ConsumeMessage } from "amqplib";
import type { Session } from "./rabbitmq-link.ts";
import type { Layout } from "./rabbitmq-topology.ts";

const REPLY_TO = "amq.rabbitmq.reply-to";
/** Who only emits asks this often whether anybody listens. */
const LISTENED_CHECK_MS = 400;
const ATTACH_AGAIN_MS = 500;
const EVENTS_PER_MESSAGE = 500;
const EVENT_GATHER_MS = 20;
const MAX_GATHERED_EVENTS = 10_000;
/** Messages that wait for a slow listener; more are refused, and counted by whoever sent them. */
const MAX_WAITING = 1_000;
const EVENT_TTL_MS = 10_000;

interface Served {
  readonly identity: WorkerIdentity;
  readonly handler: ControlHandler;
}

type Listener = (events: readonly TaskEvent[]) => void;

/**
 * Commands go to a fanout exchange, to which each serving worker has bound an exclusive queue; replies come by direct reply-to, which the
 * server keeps nowhere. Events go the same way in the other direction. All of it is gone with the connection, and made anew with it.
 */
export class RabbitMqControl implements ControlChannel {
  readonly #layout: Layout;
  readonly #served = new Map<string, Served>();
  readonly #listeners = new Map<string, Listener>();
  readonly #asked = new Map<string, Replies>();
  /** Exclusive queues of this connection. */
  #queues: string[] = [];
  #channel: Channel | undefined;
  #eventChannel: ConfirmChannel | undefined;
  #events: TaskEvent[] = [];
  #gathering: NodeJS.Timeout | undefined;
  #checking: NodeJS.Timeout | undefined;
  #again: NodeJS.Timeout | undefined;
  #isListened = false;
  #writable = true;
  #dropped = 0;
  #closed = false;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** At every connection. Resolves when it works, or cannot yet: then it goes on trying, for nothing else waits for it. */
  async attach(session: Session): Promise<void> {
    clearTimeout(this.#again);
    if (this.#closed) return;
    try {
      await this.#attach(session);
    } catch {
      // The connection's end begins anew as well.
      this.#again = setTimeout(() => void this.attach(session), ATTACH_AGAIN_MS).unref();
    }
  }

  async #attach(session: Session): Promise<void> {
    const channel = await session.createChannel();
    channel.on("error", () => {});
    await channel.assertExchange(this.#layout.commands, "fanout", { durable: true });
    await channel.assertExchange(this.#layout.events, "fanout", { durable: true });
    for (const name of [this.#layout.serving, this.#layout.listening]) {
      await channel.assertQueue(name, this.#layout.countingArguments());
    }
    await channel.consume(REPLY_TO, (message) => this.#replied(message), { noAck: true });
    for (const served of this.#served.values()) await this.#serveOn(channel, served);
    for (const [id, listener] of this.#listeners) await this.#listenOn(channel, id, listener);
    const events = await session.createConfirmChannel();
    events.on("error", () => {});
    events.on("drain", () => {
      this.#writable = true;
    });
    channel.on("close", () => {
      if (this.#channel === channel) this.#channel = undefined;
    });
    events.on("close", () => {
      if (this.#eventChannel === events) this.#eventChannel = undefined;
    });
    this.#channel = channel;
    this.#eventChannel = events;
    this.#writable = true;
  }

  /** Sent within the call, whether or not anyone reads the replies. While the connection is down nobody can be asked. */
  broadcast(
    command: ControlCommand,
    { timeoutMs, expect = Number.POSITIVE_INFINITY }: { readonly timeoutMs: number; readonly expect?: number },
  ): AsyncIterable<ControlReply> {
    this.#check();
    const asked = randomUUID();
    const replies = new Replies(expect);
    const late = setTimeout(() => replies.end(), timeoutMs);
    this.#asked.set(asked, replies);
    replies.onEnd = () => {
      clearTimeout(late);
      this.#asked.delete(asked);
    };
    this.#channel?.publish(this.#layout.commands, "", json(command), {
      replyTo: REPLY_TO,
      correlationId: asked,
      expiration: Math.max(1, Math.ceil(timeoutMs)),
    });
    return replies;
  }

  serving(): Promise<number | undefined> {
    return this.#consumers(this.#layout.serving);
  }

  async serve(identity: WorkerIdentity, handler: ControlHandler): Promise<void> {
    this.#check();
    if (this.#served.has(identity.id)) {
      throw new ConfigurationError(
        `worker "${identity.id}" serves already on this connection; give each a name of its own`,
      );
    }
    const served: Served = { identity, handler };
    this.#served.set(identity.id, served);
    // Whoever serves will emit: it knows by then.
    this.#checkListened();
    if (this.#channel !== undefined) await this.#serveOn(this.#channel, served);
  }

  get listened(): boolean {
    if (this.#closed) return false;
    this.#checkListened();
    return this.#isListened;
  }

  emit(events: readonly TaskEvent[]): void {
    if (this.#closed || events.length === 0 || !this.listened) return;
    const room = MAX_GATHERED_EVENTS - this.#events.length;
    if (events.length > room) this.#dropped += events.length - room;
    for (const event of events.slice(0, room)) this.#events.push(event);
    this.#gathering ??= setTimeout(() => this.#sendEvents(), EVENT_GATHER_MS).unref();
  }

  async listen(listener: Listener): Promise<() => Promise<void>> {
    this.#check();
    const id = randomUUID();
    this.#listeners.set(id, listener);
    if (this.#channel !== undefined) await this.#listenOn(this.#channel, id, listener);
    return async () => {
      if (!this.#listeners.delete(id)) return;
      const channel = this.#channel;
      if (channel === undefined) return;
      // It ends with the channel otherwise.
      await Promise.all([channel.cancel(`listening/${id}`), channel.deleteQueue(`${this.#layout.events}:${id}`)]).catch(
        () => {},
      );
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#sendEvents();
    this.#closed = true;
    clearTimeout(this.#gathering);
    clearInterval(this.#checking);
    clearTimeout(this.#again);
    for (const replies of [...this.#asked.values()]) replies.end();
    this.#served.clear();
    this.#listeners.clear();
    const channels = [this.#channel, this.#eventChannel];
    this.#channel = undefined;
    this.#eventChannel = undefined;
    const queues = this.#queues;
    this.#queues = [];
    // Exclusive queues are the connection's: they would outlive their channel until it ends.
    const [channel] = channels;
    if (channel !== undefined) await Promise.all(queues.map((name) => channel.deleteQueue(name))).catch(() => {});
    await Promise.all(channels.map((each) => each?.close().catch(() => {})));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #serveOn(channel: Channel, { identity, handler }: Served): Promise<void> {
    const queue = `${this.#layout.commands}:${randomUUID()}`;
    this.#queues.push(queue);
    await channel.assertQueue(queue, { exclusive: true, autoDelete: true, durable: false });
    await channel.bindQueue(queue, this.#layout.commands, "");
    await channel.consume(queue, (message) => void this.#commanded(channel, message, identity, handler), {
      noAck: true,
    });
    await channel.consume(this.#layout.serving, () => {}, { noAck: true });
  }

  async #listenOn(channel: Channel, id: string, listener: Listener): Promise<void> {
    const queue = `${this.#layout.events}:${id}`;
    this.#queues.push(queue);
    await channel.assertQueue(queue, {
      exclusive: true,
      autoDelete: true,
      durable: false,
      arguments: { "x-max-length": MAX_WAITING, "x-overflow": "reject-publish" },
    });
    await channel.bindQueue(queue, this.#layout.events, "");
    const heard = (message: ConsumeMessage | null): void => {
      if (message !== null && this.#listeners.has(id)) listener(parsed(message) as readonly TaskEvent[]);
    };
    await channel.consume(queue, heard, { noAck: true });
    await channel.consume(this.#layout.listening, () => {}, { noAck: true, consumerTag: `listening/${id}` });
  }

  async #commanded(
    channel: Channel,
    message: ConsumeMessage | null,
    { id }: WorkerIdentity,
    handler: ControlHandler,
  ): Promise<void> {
    if (message === null || this.#closed) return;
    const command = parsed(message) as ControlCommand;
    if (command.to !== undefined && !command.to.includes(id)) return;
    const reply = await replyOf(id, command, handler);
    try {
      const { replyTo, correlationId } = message.properties as { replyTo: string; correlationId: string };
      channel.publish("", replyTo, json(reply), { correlationId });
    } catch {
      // The connection ended meanwhile, and the question with it.
    }
  }

  #replied(message: ConsumeMessage | null): void {
    if (message === null) return;
    this.#asked.get(String(message.properties.correlationId))?.add(parsed(message) as ControlReply);
  }

  #sendEvents(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    const gathered = this.#events;
    this.#events = [];
    for (let first = 0; first < gathered.length; first += EVENTS_PER_MESSAGE) {
      const events = gathered.slice(first, first + EVENTS_PER_MESSAGE);
      const channel = this.#eventChannel;
      if (channel === undefined || !this.#writable) {
        this.#dropped += events.length;
        continue;
      }
      const refused = (error: unknown): void => {
        if (error !== null) this.#dropped += events.length;
      };
      try {
        this.#writable = channel.publish(this.#layout.events, "", json(events), { expiration: EVENT_TTL_MS }, refused);
      } catch {
        this.#dropped += events.length;
      }
    }
  }

  /** Begun when somebody serves, or wants to know. */
  #checkListened(): void {
    if (this.#checking !== undefined) return;
    const check = async (): Promise<void> => {
      this.#isListened = ((await this.#consumers(this.#layout.listening)) ?? 0) > 0;
    };
    this.#checking = setInterval(() => void check(), LISTENED_CHECK_MS).unref();
    void check();
  }

  async #consumers(name: string): Promise<number | undefined> {
    this.#check();
    try {
      return (await this.#channel?.checkQueue(name))?.consumerCount;
    } catch {
      return undefined;
    }
  }

  #check(): void {
    if (this.#closed) throw new BrokerClosedError();
  }
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function parsed({ content }: ConsumeMessage): unknown {
  return JSON.parse(content.toString("utf8"));
}
