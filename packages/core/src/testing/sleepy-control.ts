import type {
  ControlChannel,
  ControlCommand,
  ControlHandler,
  ControlReply,
  TaskEvent,
  WorkerIdentity,
} from "../contracts/index.ts";
import type { Sleep } from "./sleep.ts";

/** Control is at most once: what is sent or arrives during sleep is lost, events are counted as dropped. */
export class SleepyControl implements ControlChannel {
  readonly #inner: ControlChannel;
  readonly #sleep: Sleep;
  #dropped = 0;

  constructor(inner: ControlChannel, sleep: Sleep) {
    this.#inner = inner;
    this.#sleep = sleep;
  }

  get dropped(): number {
    return this.#inner.dropped + this.#dropped;
  }

  broadcast(
    command: ControlCommand,
    options: { readonly timeoutMs: number; readonly expect?: number },
  ): AsyncIterable<ControlReply> {
    return this.#inner.broadcast(this.#sleep.awake ? command : { ...command, to: [] }, options);
  }

  serving(): Promise<number | undefined> {
    return this.#sleep.ask(async () => this.#inner.serving?.());
  }

  serve(identity: WorkerIdentity, handler: ControlHandler): Promise<void> {
    const unlessAsleep: ControlHandler = (command) =>
      this.#sleep.awake ? handler(command) : new Promise<never>(() => {});
    return this.#sleep.ask(() => this.#inner.serve(identity, unlessAsleep));
  }

  get listened(): boolean {
    return this.#inner.listened;
  }

  emit(events: readonly TaskEvent[]): void {
    if (this.#sleep.awake) this.#inner.emit(events);
    else this.#dropped += events.length;
  }

  listen(listener: (events: readonly TaskEvent[]) => void): Promise<() => Promise<void>> {
    return this.#sleep.ask(() =>
      this.#inner.listen((events) => {
        if (this.#sleep.awake) listener(events);
      }),
    );
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
