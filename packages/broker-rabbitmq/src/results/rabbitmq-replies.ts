import { randomUUID } from "node:crypto";
import { AwaitedResults, atMost, BrokerEvents, Connection, withinDeadline } from "@lovage/core/brokers";
import {
  BrokerUnavailableError,
  isLovageError,
  type LovageError,
  type ResultRecord,
  type ResultStore,
  type ResultStoreCapabilities,
} from "@lovage/core/contracts";
import type { Channel, ConsumeMessage } from "amqplib";
import { Link, type Session } from "../connection/rabbitmq-link.ts";
import { type Fate, Publisher } from "../publishing/rabbitmq-publisher.ts";
import { isReplyAddress, Layout } from "../queues/rabbitmq-topology.ts";
import { isMissing, rabbitMqError } from "../rabbitmq-errors.ts";
import { type RabbitMqRepliesOptions, type RepliesSettings, repliesSettings } from "../rabbitmq-options.ts";
import { recordEnvelope, recordOf } from "./rabbitmq-record.ts";

const CLOSE_MS = 1_000;
const LEAST_CONNECT_MS = 3_000;
const MAX_UNCONFIRMED = 1_000;
/** Results under way to this process that it has not taken note of. */
const WINDOW = 1_000;
const LISTEN_AGAIN_MS = 200;

/**
 * Results by reply queues. A caller has a queue of its own, made when it first expects a result; the address in its messages is the queue's
 * name. Whoever writes a record publishes it there, confirmed; where there is no such queue any more, nobody waits.
 *
 *     silent → (expect) listening → (cut) away → listening …; each → (close) closed
 */
class RabbitMqReplies implements ResultStore {
  readonly name = "rabbitmq replies";
  readonly capabilities: ResultStoreCapabilities = { keptFor: "caller" };
  readonly #settings: RepliesSettings;
  readonly #layout: Layout;
  readonly #connection = new Connection(new BrokerEvents());
  readonly #link: Link;
  readonly #publisher = new Publisher(MAX_UNCONFIRMED, () => {});
  readonly #awaited: AwaitedResults;
  #address: string;
  #listening: Promise<void> | undefined;
  /** The queue was there once: what is not there any more had results in it. */
  #hasListened = false;
  #channel: Channel | undefined;
  #again: NodeJS.Timeout | undefined;

  constructor(options: RabbitMqRepliesOptions) {
    this.#settings = repliesSettings(options);
    const { servers, layout, operationTimeoutMs } = this.#settings.common;
    this.#layout = new Layout(layout);
    this.#awaited = new AwaitedResults({ name: this.name, maxKept: this.#settings.maxKept });
    this.#address = this.#layout.replies(randomUUID());
    const connectTimeoutMs = Math.max(LEAST_CONNECT_MS, Math.min(operationTimeoutMs, 10_000));
    this.#link = new Link(
      { servers, connectTimeoutMs },
      {
        setUp: async (session) => {
          await this.#publisher.attach(session);
          if (this.#hasListened) await this.#listen(session);
        },
        up: () => {},
        down: () => {
          this.#channel = undefined;
        },
        blocked: (reason) => this.#publisher.block(reason),
        unblocked: () => this.#publisher.unblock(),
      },
    );
  }

  connect(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#connection.connect(async (signal) => {
      try {
        await this.#link.open(signal);
      } catch (error) {
        if (signal.aborted || !rabbitMqError(error).retryable) await this.#link.drop(CLOSE_MS);
        throw rabbitMqError(error);
      }
    }, options.signal);
  }

  close(): Promise<void> {
    return this.#connection.close(async () => {
      clearTimeout(this.#again);
      this.#awaited.close();
      await this.#publisher.close(CLOSE_MS);
      const channel = this.#channel;
      this.#channel = undefined;
      if (channel !== undefined) await atMost(channel.deleteQueue(this.#address), CLOSE_MS);
      await this.#link.close(CLOSE_MS);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async expect(ids: readonly string[]): Promise<string> {
    this.#connection.check();
    this.#awaited.expect(ids);
    if (this.#hasListened) return this.#address;
    this.#listening ??= this.#link
      .whenUp()
      .then((session) => this.#listen(session))
      .finally(() => {
        this.#listening = undefined;
      });
    try {
      await withinDeadline(this.#listening, this.#settings.common.operationTimeoutMs, "making a reply queue");
    } catch (error) {
      this.#awaited.forget(ids);
      throw rabbitMqError(error);
    }
    return this.#address;
  }

  async write(records: readonly ResultRecord[]): Promise<void> {
    this.#connection.check();
    const failures = await Promise.all(records.map((record) => this.#write(record)));
    const failure = failures.find((error) => error !== undefined);
    if (failure !== undefined) throw failure;
  }

  async read(ids: readonly string[]): Promise<readonly (ResultRecord | undefined)[]> {
    this.#connection.check();
    return ids.map((id) => this.#awaited.read(id));
  }

  async *wait(id: string, options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<ResultRecord, void, void> {
    this.#connection.check();
    yield* this.#awaited.wait(id, options.signal);
  }

  async forget(ids: readonly string[]): Promise<void> {
    this.#connection.check();
    this.#awaited.forget(ids);
  }

  /** Resolves with what went wrong, if it did. */
  #write(record: ResultRecord): Promise<LovageError | undefined> {
    const { replyTo } = record;
    if (!isReplyAddress(replyTo)) return Promise.resolve(undefined);
    const { operationTimeoutMs, maxMessageBytes } = this.#settings.common;
    return new Promise((resolve) => {
      this.#publisher.send({
        ...recordEnvelope(record, maxMessageBytes),
        exchange: "",
        routingKey: replyTo,
        deadline: performance.now() + operationTimeoutMs,
        done: (fate, error) =>
          resolve(isSettled(fate, error) ? undefined : (error ?? new BrokerUnavailableError(LATE))),
      });
    });
  }

  async #listen(session: Session): Promise<void> {
    const isGone = this.#hasListened && !(await isThere(session, this.#address));
    try {
      await this.#declare(session);
    } catch (error) {
      if (!isMissing(error)) throw error;
      // Of the node of a cluster that is away: its name cannot be had until the node is back.
      this.#address = this.#layout.replies(randomUUID());
      await this.#declare(session);
    }
    // Not before there is one again: what is expected from then on arrives.
    if (isGone) this.#awaited.lose(GONE);
    const channel = await session.createChannel();
    channel.on("error", () => {});
    channel.on("close", () => {
      if (this.#channel !== channel) return;
      this.#channel = undefined;
      this.#listenAgain(session);
    });
    await channel.prefetch(WINDOW);
    this.#channel = channel;
    let last: ConsumeMessage | undefined;
    // All that have come by then, in one frame: none of them is left out.
    const take = (): void => {
      if (last !== undefined && this.#channel === channel) channel.ack(last, true);
      last = undefined;
    };
    await channel.consume(this.#address, (message) => {
      if (message === null) {
        // The queue was deleted, or the node that had it is gone.
        channel.close().catch(() => {});
        return;
      }
      const record = recordOf(message.properties.messageId, message.content);
      if (record !== undefined) this.#awaited.arrived(record);
      if (last === undefined) setImmediate(take);
      last = message;
    });
    this.#hasListened = true;
  }

  #declare(session: Session): Promise<void> {
    return onChannel(session, async (channel) => {
      await channel.assertQueue(this.#address, this.#layout.replyArguments(this.#settings.graceMs));
    });
  }

  /** The connection may still be there. */
  #listenAgain(session: Session): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => {
      if (!this.#link.isUp || this.#link.session !== session) return;
      this.#listen(session).catch(() => this.#listenAgain(session));
    }, LISTEN_AGAIN_MS);
  }
}

const LATE = "the result was not confirmed in time";
const GONE =
  "the reply queue was gone when the connection came back; it outlives its connection by graceMs, and not the loss of the server's data";

/** It is there; or it never will be, for nobody waits. A queue without a limit is refused for nothing but that its node is gone. */
function isSettled(fate: Fate, error: LovageError | undefined): boolean {
  return fate === "stored" || fate === "returned" || (fate === "refused" && isLovageError(error, "BROKER_FULL"));
}

async function isThere(session: Session, queue: string): Promise<boolean> {
  try {
    await onChannel(session, (channel) => channel.checkQueue(queue));
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function onChannel<T>(session: Session, work: (channel: Channel) => Promise<T>): Promise<T> {
  const channel = await session.createChannel();
  channel.on("error", () => {});
  try {
    return await work(channel);
  } finally {
    await channel.close().catch(() => {});
  }
}

/**
 * Results for callers that wait, by RabbitMQ alone. The process that enqueued a task gets its result, through broken connections of up to
 * `graceMs` and restarts of the server; nobody else does, and it is gone with that process. Workers need it too, at the same virtual host. A string is a
 * URL. Throws `ConfigurationError` for options that cannot work.
 */
export function rabbitMqReplies(options: RabbitMqRepliesOptions | string): ResultStore {
  return new RabbitMqReplies(typeof options === "string" ? { url: options } : options);
}
