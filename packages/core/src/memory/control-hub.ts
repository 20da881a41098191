import { replyOf } from "../brokers/index.ts";
import {
  ConfigurationError,
  type ControlCommand,
  type ControlHandler,
  type ControlReply,
  type TaskEvent,
  type WorkerIdentity,
} from "../contracts/index.ts";

type EventListener = (events: readonly TaskEvent[]) => void;

/** Events waiting for the listeners' turn at most; what an emitter sends beyond it is dropped and counted by the emitter. */
const MAX_PENDING_EVENTS = 10_000;

/** What control channels of one server meet in: who serves, and who listens. Nothing is kept for those who come later. */
export class ControlHub {
  readonly #serving = new Map<string, ControlHandler>();
  readonly #listeners = new Set<EventListener>();
  #pending: TaskEvent[] = [];
  #flush: NodeJS.Immediate | undefined;

  get serving(): number {
    return this.#serving.size;
  }

  serve({ id }: WorkerIdentity, handler: ControlHandler): void {
    if (this.#serving.has(id)) {
      throw new ConfigurationError(`a worker named "${id}" serves already; give each worker a name of its own`, {
        subject: { worker: id },
      });
    }
    this.#serving.set(id, handler);
  }

  stopServing(id: string): void {
    this.#serving.delete(id);
  }

  /** Every worker that is meant and serves now is asked, none on the caller's stack; each answers once, in its own time. */
  send(command: ControlCommand, onReply: (reply: ControlReply) => void): void {
    for (const [worker, handler] of this.#serving) {
      if (command.to !== undefined && !command.to.includes(worker)) continue;
      void replyOf(worker, command, async () => asJson(await handler(asJson(command) as ControlCommand))).then(onReply);
    }
  }

  get listened(): boolean {
    return this.#listeners.size > 0;
  }

  /** How many of `events` were dropped. */
  emit(events: readonly TaskEvent[]): number {
    if (this.#listeners.size === 0) return 0;
    const kept = Math.min(events.length, MAX_PENDING_EVENTS - this.#pending.length);
    for (let index = 0; index < kept; index += 1) this.#pending.push(events[index] as TaskEvent);
    this.#flush ??= setImmediate(() => this.#hand());
    return events.length - kept;
  }

  /** From now on: what was emitted before goes to those who listened before. */
  listen(listener: EventListener): () => void {
    this.#hand();
    const entry: EventListener = (events) => listener(events);
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  #hand(): void {
    clearImmediate(this.#flush);
    this.#flush = undefined;
    const events = this.#pending;
    this.#pending = [];
    if (events.length === 0) return;
    for (const listener of [...this.#listeners]) listener(events);
  }
}

/** As it would arrive from another process. */
function asJson(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
