/** The worker's event stream: listeners in this process at once, the control channel once per tick. */

import type { ControlChannel, TaskEvent } from "../contracts/index.ts";
import { errorData } from "../contracts/index.ts";
import type { WorkerEvent } from "./worker-types.ts";

/** What every ordinary run makes: the events that cost something, and are not made for listeners who do without them. */
const ROUTINE: ReadonlySet<string> = new Set(["task-received", "task-started", "task-succeeded"]);

export class EventStream {
  readonly #all = new Set<(event: WorkerEvent) => void>();
  readonly #exceptional = new Set<(event: WorkerEvent) => void>();
  #control: ControlChannel | undefined;
  #batch: TaskEvent[] = [];

  /** False when the event of an ordinary run would reach nobody: the hot path then makes none. */
  get routineWanted(): boolean {
    return this.#all.size > 0 || this.#control?.listened === true;
  }

  forwardTo(control: ControlChannel | undefined): void {
    this.#control = control;
  }

  listen(listener: (event: WorkerEvent) => void, routine: boolean): () => void {
    const listeners = routine ? this.#all : this.#exceptional;
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  emit(event: WorkerEvent): void {
    for (const listener of this.#all) tell(listener, event);
    if (!ROUTINE.has(event.type)) for (const listener of this.#exceptional) tell(listener, event);
  }

  task(event: TaskEvent): void {
    this.emit(event);
    if (this.#control?.listened !== true) return;
    if (this.#batch.length === 0) setImmediate(() => this.#flush());
    this.#batch.push(event);
  }

  internalError(where: string, error: unknown): void {
    this.emit({ type: "internal-error", where, error: errorData(error) });
  }

  #flush(): void {
    const batch = this.#batch;
    this.#batch = [];
    this.#control?.emit(batch);
  }
}

/** A listener's fault is its own: it must neither stop the engine nor vanish. */
function tell(listener: (event: WorkerEvent) => void, event: WorkerEvent): void {
  try {
    listener(event);
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : new Error(String(error)));
  }
}
