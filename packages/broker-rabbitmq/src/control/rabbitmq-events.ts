import { randomUUID } from "node:crypto";
import { EventGathering } from "@lovage/core/brokers";
import type { TaskEvent } from "@lovage/core/contracts";
import type { Channel, ConfirmChannel, ConsumeMessage } from "amqplib";
import type { Session } from "../connection/rabbitmq-link.ts";
import type { Layout } from "../queues/rabbitmq-topology.ts";

/** Who emits asks this often whether anybody listens. */
const LISTENED_CHECK_MS = 400;
/** Messages that wait for a slow listener; more are refused, and counted by whoever sent them. */
const MAX_WAITING = 1_000;
const EVENT_TTL_MS = 10_000;

interface Listening {
  readonly listener: (events: readonly TaskEvent[]) => void;
  /** Exclusive, so another at every connection: the server may not have noticed yet that the one before has ended. */
  queue: string;
}

/** Events go to a fanout exchange, to which each listener has bound an exclusive queue. Whether there are any is known by a queue that they all consume. */
export class RabbitMqEvents {
  readonly #layout: Layout;
  readonly #listening = new Set<Listening>();
  readonly #gathering = new EventGathering((events, lost) => this.#send(events, lost));
  #channel: Channel | undefined;
  /** Apart: what a slow listener refuses is counted when its answer comes. */
  #sending: ConfirmChannel | undefined;
  #writable = true;
  #listened = false;
  #checking: NodeJS.Timeout | undefined;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  get listened(): boolean {
    this.attend();
    return this.#listened;
  }

  get dropped(): number {
    return this.#gathering.dropped;
  }

  /** At every connection; `channel` ends with it. */
  async attach(session: Session, channel: Channel): Promise<void> {
    await channel.assertExchange(this.#layout.events, "fanout", { durable: true });
    await channel.assertQueue(this.#layout.listening, this.#layout.countingArguments());
    for (const listening of this.#listening) await this.#listenOn(channel, listening);
    const sending = await session.createConfirmChannel();
    sending.on("error", () => {});
    sending.on("drain", () => {
      this.#writable = true;
    });
    sending.on("close", () => {
      if (this.#sending === sending) this.#sending = undefined;
    });
    this.#writable = true;
    this.#sending = sending;
    this.#channel = channel;
  }

  /** The channel has ended. */
  detach(): void {
    this.#channel = undefined;
    this.#sending?.close().catch(() => {});
    this.#sending = undefined;
  }

  /** Somebody will emit: from now on it is known whether anybody listens. */
  attend(): void {
    if (this.#checking !== undefined) return;
    const check = async (): Promise<void> => {
      this.#listened = ((await consumersOf(this.#channel, this.#layout.listening)) ?? 0) > 0;
    };
    this.#checking = setInterval(() => void check(), LISTENED_CHECK_MS).unref();
    void check();
  }

  emit(events: readonly TaskEvent[]): void {
    if (events.length > 0 && this.listened) this.#gathering.add(events);
  }

  async listen(listener: Listening["listener"]): Promise<() => Promise<void>> {
    const listening: Listening = { listener, queue: "" };
    this.#listening.add(listening);
    if (this.#channel !== undefined) await this.#listenOn(this.#channel, listening);
    return async () => {
      if (this.#listening.delete(listening)) await this.#hearNoMore(listening);
    };
  }

  async close(): Promise<void> {
    this.#gathering.flush();
    this.#gathering.close();
    clearInterval(this.#checking);
    const ended = [...this.#listening];
    this.#listening.clear();
    await Promise.all(ended.map((listening) => this.#hearNoMore(listening)));
    await this.#sending?.close().catch(() => {});
  }

  async #listenOn(channel: Channel, listening: Listening): Promise<void> {
    const queue = `${this.#layout.events}:${randomUUID()}`;
    listening.queue = queue;
    await channel.assertQueue(queue, {
      exclusive: true,
      autoDelete: true,
      durable: false,
      arguments: { "x-max-length": MAX_WAITING, "x-overflow": "reject-publish" },
    });
    await channel.bindQueue(queue, this.#layout.events, "");
    const heard = (message: ConsumeMessage | null): void => {
      if (message === null || !this.#listening.has(listening)) return;
      listening.listener(JSON.parse(message.content.toString()) as readonly TaskEvent[]);
    };
    await channel.consume(queue, heard, { noAck: true });
    await channel.consume(this.#layout.listening, () => {}, { noAck: true, consumerTag: tagOf(queue) });
  }

  /** Queues are the connection's, and would be there until it ends. When it has ended, so have they. */
  async #hearNoMore({ queue }: Listening): Promise<void> {
    const channel = this.#channel;
    if (channel === undefined) return;
    await Promise.all([channel.cancel(tagOf(queue)), channel.deleteQueue(queue)]).catch(() => {});
  }

  #send(events: readonly TaskEvent[], lost: () => void): void {
    if (this.#sending === undefined || !this.#writable) {
      lost();
      return;
    }
    const content = Buffer.from(JSON.stringify(events));
    const answered = (error: unknown): void => {
      if (error !== null) lost();
    };
    try {
      this.#writable = this.#sending.publish(this.#layout.events, "", content, { expiration: EVENT_TTL_MS }, answered);
    } catch {
      lost();
    }
  }
}

/** Undefined: the server cannot be asked now. */
export async function consumersOf(channel: Channel | undefined, queue: string): Promise<number | undefined> {
  try {
    return (await channel?.checkQueue(queue))?.consumerCount;
  } catch {
    return undefined;
  }
}

/** Of the consumer that is counted for who listens at `queue`. */
function tagOf(queue: string): string {
  return `at/${queue}`;
}
