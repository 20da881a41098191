import { setTimeout } from "node:timers/promises";
import { backoff } from "@lovage/core/brokers";
import { isLovageError } from "@lovage/core/contracts";
import type { Channel, ConsumeMessage } from "amqplib";
import type { Session } from "../connection/rabbitmq-link.ts";
import type { Publisher } from "../publishing/rabbitmq-publisher.ts";
import { isMissing, isStreamAway, messageOf } from "../rabbitmq-errors.ts";
import { type Layout, YOUNG_MS } from "./rabbitmq-topology.ts";

const PREFETCH = 1_000;
/** Some five seconds. */
const ATTEMPTS_BEFORE_WARNING = 16;

export interface RecordStreamOptions {
  readonly publisher: Publisher;
  readonly layout: Layout;
  readonly timeoutMs: number;
  /** In order, some of them more than once. */
  record(offset: number, content: Uint8Array): void;
  warn(code: string, message: string): void;
}

/** A stream that is read from its beginning, followed, and appended to. What its records mean is for others to know. */
export class RecordStream {
  readonly #options: RecordStreamOptions;
  readonly #writer: string = crypto.randomUUID();
  readonly #awaited = new Map<string, () => void>();
  #written = 0;
  #read = 0;
  #position = -1;
  #session: Session | undefined;
  #catchingUp: Session | undefined;
  #channel: Channel | undefined;
  /** It was read to its end once. */
  #known = false;
  #closed = false;

  constructor(options: RecordStreamOptions) {
    this.#options = options;
  }

  /**
   * At every connection: reads on from where it was, to the end as it is now. Takes longer where there was none.
   *
   * A server that was restarted has its queues back before its streams. Who has read it before goes on with that, and reads on as soon as it
   * can: nobody can have written while the stream was away.
   */
  async attach(session: Session): Promise<void> {
    this.#session = session;
    try {
      await this.#readOn(session);
    } catch (error) {
      if (!this.#known || !isStreamAway(error)) throw error;
      void this.#catchUp(session);
    }
  }

  /** Resolves when everything was read that this server hands out. Of a cluster, another may know more. */
  async sync(): Promise<void> {
    const channel = this.#channel;
    if (channel !== undefined) await this.#readToEnd(channel);
  }

  /** Resolves when it is stored, and everything before it was read. */
  async append(record: object): Promise<void> {
    const { publisher, layout, timeoutMs } = this.#options;
    this.#written += 1;
    const key = `${this.#writer}/${this.#written}`;
    const read = new Promise<void>((resolve) => this.#awaited.set(key, resolve));
    try {
      await new Promise<void>((resolve, reject) => {
        publisher.send({
          content: Buffer.from(JSON.stringify({ ...record, at: Date.now() })),
          properties: { persistent: true, mandatory: true, messageId: key },
          exchange: "",
          routingKey: layout.journal,
          deadline: performance.now() + timeoutMs,
          done: (fate, error) => {
            if (fate === "stored") resolve();
            else reject(error ?? new Error(`the journal ${layout.journal} is missing`));
          },
        });
      });
      await read;
    } finally {
      this.#awaited.delete(key);
    }
  }

  /** Resolves when everything was read that anybody had written before the call: by a record of one's own, after all of that. */
  async certain(): Promise<void> {
    await this.append({ is: "mark" });
  }

  close(): void {
    this.#closed = true;
  }

  async #readOn(session: Session): Promise<void> {
    const { layout } = this.#options;
    const channel = await session.createChannel();
    channel.on("error", () => {});
    const isThere = this.#position >= 0 || (await exists(session, layout.journal));
    await channel.assertQueue(layout.journal, layout.journalArguments());
    if (!isThere) await setTimeout(YOUNG_MS);
    await channel.prefetch(PREFETCH);
    const from = this.#position < 0 ? "first" : this.#position + 1;
    await channel.consume(layout.journal, (message) => this.#take(channel, message), {
      arguments: { "x-stream-offset": from },
    });
    this.#channel = channel;
    channel.on("close", () => {
      if (this.#channel !== channel) return;
      this.#channel = undefined;
      // Where the connection is still there, the stream has moved, or was away for a moment.
      void this.#catchUp(session);
    });
    await this.#readToEnd(channel);
    if (isThere && this.#position < 0) await this.#makeSure();
    this.#known = true;
  }

  /** A server that has just begun hands out nothing yet of a stream that is full. It was there, so it may be. */
  async #makeSure(): Promise<void> {
    try {
      await this.certain();
    } catch (error) {
      // Under an alarm nothing can be written; then it is as it looks, or found out later.
      if (!isLovageError(error, "BROKER_BLOCKED")) throw error;
    }
  }

  async #catchUp(session: Session): Promise<void> {
    if (this.#catchingUp === session) return;
    this.#catchingUp = session;
    try {
      await this.#readOnSoon(session);
    } finally {
      if (this.#catchingUp === session) this.#catchingUp = undefined;
    }
  }

  async #readOnSoon(session: Session): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      await setTimeout(backoff(attempt, 20, 500), undefined, { ref: false });
      if (this.#session !== session || this.#closed) return;
      try {
        return await this.#readOn(session);
      } catch (error) {
        // The connection has ended: the next one begins anew.
        if (!isStreamAway(error)) return;
        if (attempt !== ATTEMPTS_BEFORE_WARNING) continue;
        const what = "what is revoked, paused or declared elsewhere is not known";
        this.#options.warn("journal-away", `${what}: ${messageOf(error)}`);
      }
    }
  }

  #take(channel: Channel, message: ConsumeMessage | null): void {
    if (message === null) {
      // The stream has moved to another server, or goes with its own: the channel's end begins anew.
      channel.close().catch(() => {});
      return;
    }
    const offset = Number((message.properties.headers as { "x-stream-offset"?: unknown })["x-stream-offset"]);
    channel.ack(message);
    this.#read += 1;
    this.#position = Math.max(this.#position, offset);
    this.#options.record(offset, message.content);
    this.#awaited.get(String(message.properties.messageId))?.();
  }

  /**
   * The server hands out on a channel whatever there is, before it answers the next question on that channel, and each acknowledgement
   * makes room for more: when an answer came and no record before it, there is no more.
   */
  async #readToEnd(channel: Channel): Promise<void> {
    for (let before = -1; before !== this.#read; ) {
      before = this.#read;
      await channel.prefetch(PREFETCH);
    }
  }
}

/** Without making it. Also true while it is on its way back after a restart. */
export async function exists(session: Session, queue: string): Promise<boolean> {
  const channel = await session.createChannel();
  channel.on("error", () => {});
  try {
    await channel.checkQueue(queue);
    await channel.close();
    return true;
  } catch (error) {
    if (isMissing(error) && messageOf(error).includes("no queue")) return false;
    throw error;
  }
}
