import { BrokerUnavailableError, type LovageError } from "@lovage/core/contracts";
import { errorOf } from "./sqlite-errors.ts";
import type { Fault } from "./sqlite-operations.ts";

export type HealthEvent =
  | { readonly type: "connected" }
  | { readonly type: "disconnected"; readonly error: LovageError };

/** Whether the storage works, told when it changes: well ⇄ unwell. A locked file is not unwell. */
export class Health {
  readonly #path: string;
  readonly #listeners = new Set<(event: HealthEvent) => void>();
  #unwell = false;

  constructor(path: string) {
    this.#path = path;
  }

  onEvent(listener: (event: HealthEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  failed(fault: Fault): void {
    if (this.#unwell) return;
    this.#unwell = true;
    const error = new BrokerUnavailableError(`${fault.message}; trying again`, {
      cause: errorOf(fault, this.#path),
      subject: { path: this.#path },
    });
    for (const listener of this.#listeners) listener({ type: "disconnected", error });
  }

  worked(): void {
    if (!this.#unwell) return;
    this.#unwell = false;
    for (const listener of this.#listeners) listener({ type: "connected" });
  }
}
