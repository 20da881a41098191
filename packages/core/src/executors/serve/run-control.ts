/** How a run is told to stop. A task that never looks at its signal costs no AbortController. */

import { LovageError as Base, type LovageError, SoftLimitError, TaskCancelledError } from "../../contracts/errors.ts";
import type { AbortReason, RunRequest } from "../../contracts/pool.ts";

export class RunControl {
  readonly request: RunRequest;
  readonly #begunAt = Date.now();
  #controller: AbortController | undefined;
  #reason: AbortReason | undefined;

  constructor(request: RunRequest) {
    this.request = request;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#error(this.#reason));
    }
    return this.#controller.signal;
  }

  get reason(): AbortReason | undefined {
    return this.#reason;
  }

  /** The first reason stays. */
  abort(reason: AbortReason): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller?.abort(this.#error(reason));
  }

  #error(reason: AbortReason): LovageError {
    const { id, deadline } = this.request;
    switch (reason) {
      case "soft-limit":
        return new SoftLimitError(deadline === undefined ? 0 : Math.max(0, deadline - this.#begunAt));
      case "cancelled":
        return new TaskCancelledError(id);
      case "shutdown":
        return new Base("SHUTDOWN", `the worker is shutting down; task ${id} is given back`, {
          retryable: true,
          subject: { id },
        });
      case "lost":
        return new Base("DELIVERY_LOST", `the delivery of task ${id} was lost; another worker may run it too`, {
          retryable: true,
          subject: { id },
        });
    }
  }
}
