import type { Calls } from "../brokers/index.ts";
import type { DeadLetter, QueueAdmin, QueueDeclaration, QueueDepth, RevokeOutcome } from "../contracts/index.ts";
import type { DeadLetterQuery } from "./dead-letters.ts";
import type { MemoryServer } from "./memory-server.ts";

/** Each call is one step of the server. */
export class MemoryAdmin implements Calls<QueueAdmin> {
  readonly #server: MemoryServer;

  constructor(server: MemoryServer) {
    this.#server = server;
  }

  ensureQueue(declaration: QueueDeclaration): void {
    this.#server.ensureQueue(declaration);
  }

  queues(): readonly string[] {
    return this.#server.queueNames();
  }

  depth(queue: string): QueueDepth {
    return this.#server.queue(queue).depth();
  }

  oldestReadyAge(queue: string): number | undefined {
    return this.#server.queue(queue).oldestReadyAge();
  }

  pause(queue: string): void {
    this.#server.queue(queue).pause();
  }

  resume(queue: string): void {
    this.#server.queue(queue).resume();
  }

  revoke(ids: readonly string[]): readonly RevokeOutcome[] {
    return ids.map((id) => this.#server.revoke(id));
  }

  purge(queue: string, { delayed = false }: { readonly delayed?: boolean } = {}): number {
    return this.#server.queue(queue).purge(delayed);
  }

  deadLetters(queue: string, options: DeadLetterQuery = {}): readonly DeadLetter[] {
    return this.#server.queue(queue).dead.list(queue, options);
  }

  redrive(queue: string, ids: readonly string[] | "all"): number {
    return this.#server.redrive(queue, ids);
  }

  dropDead(name: string, ids: readonly string[] | "all"): number {
    const queue = this.#server.queue(name);
    let dropped = 0;
    for (const entry of queue.dead.select(ids)) {
      queue.dropDead(entry);
      dropped += 1;
    }
    return dropped;
  }

  destroyQueue(queue: string): QueueDepth {
    return this.#server.destroyQueue(queue);
  }
}
