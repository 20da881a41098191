/** The worker's event stream: listeners in this process at once, the control channel once per tick. */

import type { ControlChannel, TaskEvent } from "../contracts/index.ts";
import { errorData } from "../contracts/index.ts";
import type { WorkerEvent } from "./worker-types.ts";

export class EventStream {
  readonly #listeners = new Set<(event: WorkerEvent) => void>();
  #control: ControlChannel | undefined;
  #batch: TaskEvent[] = [];

  /** False when an event made now would reach nobody: the hot path then makes none. */
  get wanted(): boolean {
    return this.#listeners.size > 0 || this.#control !== undefined;
  }

  forwardTo(control: ControlChannel | undefined): void {
    this.#control = control;
  }

  listen(listener: (event: WorkerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(event: WorkerEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        // A listener's fault is its own: it must neither stop the engine nor vanish.
        process.emitWarning(error instanceof Error ? error : new Error(String(error)));
      }
    }
  }

  task(event: TaskEvent): void {
    this.emit(event);
    if (this.#control === undefined) return;
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
