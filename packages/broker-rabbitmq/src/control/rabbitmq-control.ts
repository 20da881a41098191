import { randomUUID } from "node:crypto";
import { jsonReplyOf, Replies } from "@lovage/core/brokers";
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
import type { Channel, ConsumeMessage } from "amqplib";
import type { Session } from "../connection/rabbitmq-link.ts";
import type { Layout } from "../queues/rabbitmq-topology.ts";
import { consumersOf, RabbitMqEvents } from "./rabbitmq-events.ts";

const REPLY_TO = "amq.rabbitmq.reply-to";
const ATTACH_AGAIN_MS = 500;

interface Served {
  readonly identity: WorkerIdentity;
  readonly handler: ControlHandler;
  /** Exclusive, so another at every connection: the server may not have noticed yet that the one before has ended. */
  queue: string;
}

/**
 * Commands go to a fanout exchange, to which each serving worker has bound an exclusive queue; replies come by direct reply-to, which the
 * server keeps nowhere. All of it is gone with the connection, and made anew with it.
 */
export class RabbitMqControl implements ControlChannel {
  readonly #layout: Layout;
  readonly #events: RabbitMqEvents;
  readonly #served = new Map<string, Served>();
  readonly #asked = new Map<string, Replies>();
  #channel: Channel | undefined;
  #again: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(layout: Layout) {
    this.#layout = layout;
    this.#events = new RabbitMqEvents(layout);
  }

  get listened(): boolean {
    return !this.#closed && this.#events.listened;
  }

  get dropped(): number {
    return this.#events.dropped;
  }

  /** At every connection. Resolves when it works, or cannot yet: then it goes on trying, for nothing else waits for it. */
  async attach(session: Session): Promise<void> {
    clearTimeout(this.#again);
    if (this.#closed) return;
    try {
      await this.#attach(session);
    } catch {
      this.#attachSoon(session);
    }
  }

  /** Sent within the call, whether or not anyone reads the replies. While the connection is down nobody can be asked. */
  broadcast(
    command: ControlCommand,
    options: { readonly timeoutMs: number; readonly expect?: number },
  ): AsyncIterable<ControlReply> {
    this.#check();
    const asked = randomUUID();
    const replies = new Replies(options);
    this.#asked.set(asked, replies);
    replies.onEnd = () => void this.#asked.delete(asked);
    this.#channel?.publish(this.#layout.commands, "", Buffer.from(JSON.stringify(command)), {
      replyTo: REPLY_TO,
      correlationId: asked,
      expiration: Math.max(1, Math.ceil(options.timeoutMs)),
    });
    return replies;
  }

  async serving(): Promise<number | undefined> {
    this.#check();
    return consumersOf(this.#channel, this.#layout.serving);
  }

  async serve(identity: WorkerIdentity, handler: ControlHandler): Promise<void> {
    this.#check();
    if (this.#served.has(identity.id)) {
      throw new ConfigurationError(
        `worker "${identity.id}" serves already on this connection; give each a name of its own`,
      );
    }
    const served: Served = { identity, handler, queue: "" };
    this.#served.set(identity.id, served);
    // Whoever serves will emit: it knows by then.
    this.#events.attend();
    if (this.#channel !== undefined) await this.#serveOn(this.#channel, served);
  }

  emit(events: readonly TaskEvent[]): void {
    if (!this.#closed) this.#events.emit(events);
  }

  async listen(listener: (events: readonly TaskEvent[]) => void): Promise<() => Promise<void>> {
    this.#check();
    return this.#events.listen(listener);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#again);
    for (const replies of [...this.#asked.values()]) replies.end();
    const queues = [...this.#served.values()].map(({ queue }) => queue);
    this.#served.clear();
    await this.#events.close();
    const channel = this.#channel;
    this.#channel = undefined;
    if (channel === undefined) return;
    // They would outlive their channel until the connection ends.
    await Promise.all(queues.map((queue) => channel.deleteQueue(queue))).catch(() => {});
    await channel.close().catch(() => {});
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #attach(session: Session): Promise<void> {
    const channel = await session.createChannel();
    channel.on("error", () => {});
    await channel.assertExchange(this.#layout.commands, "fanout", { durable: true });
    await channel.assertQueue(this.#layout.serving, this.#layout.countingArguments());
    await channel.consume(REPLY_TO, (message) => this.#replied(message), { noAck: true });
    for (const served of this.#served.values()) await this.#serveOn(channel, served);
    await this.#events.attach(session, channel);
    this.#channel = channel;
    channel.on("close", () => {
      if (this.#channel !== channel) return;
      this.#channel = undefined;
      this.#events.detach();
      // What it counts by may have been deleted: that ends the channel, and not the connection.
      this.#attachSoon(session);
    });
  }

  /** The connection's end begins anew as well. */
  #attachSoon(session: Session): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => void this.attach(session), ATTACH_AGAIN_MS).unref();
  }

  async #serveOn(channel: Channel, served: Served): Promise<void> {
    const { identity, handler } = served;
    const queue = `${this.#layout.commands}:${randomUUID()}`;
    served.queue = queue;
    await channel.assertQueue(queue, { exclusive: true, autoDelete: true, durable: false });
    await channel.bindQueue(queue, this.#layout.commands, "");
    const heard = (message: ConsumeMessage | null): void => {
      if (message !== null) void this.#commanded(channel, message, identity.id, handler);
    };
    await channel.consume(queue, heard, { noAck: true });
    await channel.consume(this.#layout.serving, () => {}, { noAck: true });
  }

  async #commanded(channel: Channel, message: ConsumeMessage, id: string, handler: ControlHandler): Promise<void> {
    const command = JSON.parse(message.content.toString()) as ControlCommand;
    if (this.#closed || (command.to !== undefined && !command.to.includes(id))) return;
    const reply = await jsonReplyOf(id, command, handler);
    const { replyTo, correlationId } = message.properties as { replyTo: string; correlationId: string };
    try {
      channel.publish("", replyTo, Buffer.from(reply), { correlationId });
    } catch {
      // The connection ended meanwhile, and the question with it.
    }
  }

  #replied(message: ConsumeMessage | null): void {
    if (message === null) return;
    const reply = JSON.parse(message.content.toString()) as ControlReply;
    this.#asked.get(String(message.properties.correlationId))?.add(reply);
  }

  #check(): void {
    if (this.#closed) throw new BrokerClosedError();
  }
}
