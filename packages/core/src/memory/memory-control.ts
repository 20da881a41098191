import { Replies } from "../brokers/index.ts";
import {
  BrokerClosedError,
  type ControlChannel,
  type ControlCommand,
  type ControlHandler,
  type ControlReply,
  type TaskEvent,
  type WorkerIdentity,
} from "../contracts/index.ts";
import type { Clock } from "./clock.ts";
import type { ControlHub } from "./control-hub.ts";

/** One connection's end of a {@link ControlHub}. Closing it ends what was begun through it, and nothing else. */
export class MemoryControl implements ControlChannel {
  readonly #hub: ControlHub;
  readonly #clock: Clock;
  readonly #endings = new Set<() => void>();
  #dropped = 0;
  #closed = false;

  constructor(hub: ControlHub, clock: Clock) {
    this.#hub = hub;
    this.#clock = clock;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Sent within the call, whether or not anyone reads the replies. */
  broadcast(
    command: ControlCommand,
    options: { readonly timeoutMs: number; readonly expect?: number },
  ): AsyncIterable<ControlReply> {
    if (this.#closed) throw new BrokerClosedError();
    const replies = new Replies(options.expect === undefined ? {} : { expect: options.expect });
    const callOff = this.#clock.at(this.#clock.now() + options.timeoutMs, () => replies.end(), true);
    const end = (): void => replies.end();
    this.#endings.add(end);
    replies.onEnd = () => {
      callOff();
      this.#endings.delete(end);
    };
    this.#hub.send(command, (reply) => replies.add(reply));
    return replies;
  }

  async serving(): Promise<number> {
    return this.#hub.serving;
  }

  async serve(identity: WorkerIdentity, handler: ControlHandler): Promise<void> {
    if (this.#closed) throw new BrokerClosedError();
    this.#hub.serve(identity, handler);
    this.#endings.add(() => this.#hub.stopServing(identity.id));
  }

  get listened(): boolean {
    return !this.#closed && this.#hub.listened;
  }

  emit(events: readonly TaskEvent[]): void {
    if (!this.#closed) this.#dropped += this.#hub.emit(events);
  }

  async listen(listener: (events: readonly TaskEvent[]) => void): Promise<() => Promise<void>> {
    if (this.#closed) throw new BrokerClosedError();
    const end = this.#hub.listen(listener);
    this.#endings.add(end);
    return async () => {
      this.#endings.delete(end);
      end();
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const end of [...this.#endings]) end();
    this.#endings.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
