import {
  BrokerFullError,
  type OutgoingMessage,
  type Payload,
  type PublishOutcome,
  priorityInRange,
  type QueueDeclaration,
  type QueueDepth,
  QueueNotFoundError,
  queueSettings,
  type RevokeOutcome,
  refusal,
} from "../contracts/index.ts";
import type { Clock } from "./clock.ts";
import { ControlHub } from "./control-hub.ts";
import type { Entry } from "./entry.ts";
import { memoryCapabilities } from "./memory-capabilities.ts";
import type { MemoryServerOptions } from "./memory-options.ts";
import { memoryServerSettings } from "./memory-options.ts";
import { MemoryQueue, type QueueHost } from "./memory-queue.ts";
import { ResultTable } from "./result-table.ts";
import { Revocations } from "./revocations.ts";

/**
 * What a broker's connections connect to: queues, the ids that are present, revocations, the control hub and results. Several
 * `memoryBroker({ server })` of one process share it as several workers share a real server.
 */
export class MemoryServer implements QueueHost {
  readonly name: string;
  readonly clock: Clock;
  readonly capabilities: ReturnType<typeof memoryCapabilities>;
  readonly control: ControlHub;
  readonly results: ResultTable;
  readonly #maxMessages: number;
  readonly #queues = new Map<string, MemoryQueue>();
  /** Every message that is present, waiting, owned or dead: an id is there once. */
  readonly #present = new Map<string, { readonly entry: Entry; readonly queue: MemoryQueue }>();
  readonly #revocations: Revocations;
  #connections = 0;

  constructor(options: MemoryServerOptions = {}) {
    const settings = memoryServerSettings(options);
    this.name = settings.name;
    this.clock = settings.clock;
    this.#maxMessages = settings.maxMessages;
    this.capabilities = memoryCapabilities(settings.maxMessageBytes);
    this.control = new ControlHub();
    this.results = new ResultTable(this.clock);
    this.#revocations = new Revocations(this.clock);
  }

  /** Time passes while someone is connected; otherwise no timer is set, and the next connection catches up. */
  connected(): void {
    this.#connections += 1;
    if (this.#connections > 1) return;
    this.#revocations.resume();
    for (const queue of this.#queues.values()) queue.proceed();
  }

  disconnected(): void {
    this.#connections -= 1;
    if (this.#connections > 0) return;
    this.#revocations.suspend();
    for (const queue of this.#queues.values()) queue.suspend();
  }

  publish(message: OutgoingMessage): PublishOutcome {
    const { id } = message;
    if (this.#present.has(id)) return { id, status: "duplicate" };
    const queue = this.#queues.get(message.queue);
    if (queue === undefined) return { id, status: "refused", error: new QueueNotFoundError(message.queue) };
    const impossible = refusal(message, this.capabilities, this.clock.now());
    if (impossible !== undefined) return { id, status: "refused", error: impossible };
    if (this.#present.size >= this.#maxMessages) {
      const error = new BrokerFullError(
        `${this.#maxMessages} messages are here, which is the limit; consume some first`,
        {
          subject: { queue: queue.name },
        },
      );
      return { id, status: "refused", error };
    }
    if (!this.isRevoked(id)) this.#present.set(id, { queue, entry: queue.add(stored(message), message.dueAt) });
    return { id, status: "accepted" };
  }

  /** The message ended: its id may be published again. */
  gone(entry: Entry): void {
    this.#present.delete(entry.message.id);
  }

  isRevoked(id: string): boolean {
    return this.#revocations.has(id);
  }

  revoke(id: string): RevokeOutcome {
    this.#revocations.add(id);
    const found = this.#present.get(id);
    if (found === undefined) return { id, status: "absent" };
    if (found.queue.removeWaiting(found.entry)) return { id, status: "removed" };
    return { id, status: found.entry.state === "owned" ? "owned" : "absent" };
  }

  redrive(name: string, ids: readonly string[] | "all"): number {
    const queue = this.queue(name);
    let moved = 0;
    for (const entry of queue.dead.select(ids)) {
      this.#revocations.forget(entry.message.id);
      queue.redrive(entry);
      moved += 1;
    }
    return moved;
  }

  ensureQueue(declaration: QueueDeclaration): void {
    const present = this.#queues.get(declaration.name);
    const settings = queueSettings(declaration, present?.settings);
    if (present === undefined) {
      this.#queues.set(declaration.name, new MemoryQueue(declaration.name, settings, this));
    } else {
      present.settings = settings;
      present.trimDead();
    }
  }

  queueNames(): readonly string[] {
    return [...this.#queues.keys()].sort();
  }

  /** Throws `QueueNotFoundError` for a queue that was never declared. */
  queue(name: string): MemoryQueue {
    const queue = this.#queues.get(name);
    if (queue === undefined) throw new QueueNotFoundError(name);
    return queue;
  }

  destroyQueue(name: string): QueueDepth {
    const queue = this.queue(name);
    this.#queues.delete(name);
    for (const { consumption } of [...queue.feeds]) consumption.queueLost();
    return queue.destroy();
  }
}

/** A server of this process, to be shared by several `memoryBroker({ server })`. */
export function memoryServer(options: MemoryServerOptions = {}): MemoryServer {
  return new MemoryServer(options);
}

/** What is stored is what was given at the call: headers and bytes are copied, a priority out of range is the nearest in range. */
function stored(message: OutgoingMessage): {
  id: string;
  headers: OutgoingMessage["headers"];
  body: Payload;
  priority: number;
} {
  const { id, headers, body, priority } = message;
  return {
    id,
    headers: { ...headers },
    body: typeof body === "string" ? body : body.slice(),
    priority: priorityInRange(priority),
  };
}
