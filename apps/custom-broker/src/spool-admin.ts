import { readdirSync } from "node:fs";
import type { Calls } from "@lovage/core/brokers";
import {
  type DeadLetter,
  type QueueAdmin,
  type QueueDeclaration,
  type QueueDepth,
  type RevokeOutcome,
  redrivenHeaders,
} from "@lovage/core/contracts";
import { isId, placeInLine, type Ticket, toMs } from "./spool-layout.ts";
import { SpoolQueue } from "./spool-queue.ts";
import { SpoolRevocations } from "./spool-revocations.ts";

const QUEUE_FOLDER = /^([A-Za-z0-9._-]{1,128})\.queue$/;

/** What people do with queues. Calls may return without a promise, and throw what they like: `createBroker` sees to both. */
export class SpoolAdmin implements Calls<QueueAdmin> {
  readonly #folder: string;
  readonly #revocations: SpoolRevocations;

  constructor(folder: string) {
    this.#folder = folder;
    this.#revocations = new SpoolRevocations(folder);
  }

  /** Throws `QueueNotFoundError` where it was never declared. */
  queue(name: string): SpoolQueue {
    const queue = new SpoolQueue(this.#folder, name);
    void queue.settings;
    return queue;
  }

  ensureQueue(declaration: QueueDeclaration): void {
    new SpoolQueue(this.#folder, declaration.name).declare(declaration);
  }

  queues(): string[] {
    const names = readdirSync(this.#folder).flatMap((folder) => QUEUE_FOLDER.exec(folder)?.[1] ?? []);
    return names.sort();
  }

  depth(name: string): QueueDepth {
    const queue = this.queue(name);
    queue.reap();
    queue.trimDead();
    return queue.depth();
  }

  oldestReadyAge(name: string): undefined {
    this.queue(name);
  }

  pause(name: string): void {
    this.queue(name).paused = true;
  }

  resume(name: string): void {
    this.queue(name).paused = false;
  }

  revoke(ids: readonly string[]): RevokeOutcome[] {
    const status = new Map<string, RevokeOutcome["status"]>(ids.map((id) => [id, "absent"]));
    for (const id of ids) if (isId(id)) this.#revocations.add(id);
    for (const queue of this.queues().map((name) => this.queue(name))) {
      for (const ticket of queue.list("waiting").filter(({ id }) => status.has(id))) {
        if (queue.remove(ticket)) status.set(ticket.id, "removed");
      }
      for (const { id } of queue.list("claimed")) if (status.get(id) === "absent") status.set(id, "owned");
    }
    return ids.map((id) => ({ id, status: status.get(id) ?? "absent" }));
  }

  purge(name: string, { delayed = false }: { readonly delayed?: boolean } = {}): number {
    const queue = this.queue(name);
    const tickets = delayed ? queue.list("waiting") : queue.ready();
    return tickets.filter((ticket) => queue.remove(ticket)).length;
  }

  deadLetters(name: string, options: Parameters<QueueAdmin["deadLetters"]>[1] = {}): DeadLetter[] {
    const { limit = 100, after, ids = "all" } = options;
    const queue = this.queue(name);
    queue.trimDead();
    const letters = queue.list("dead");
    const wanted = letters.slice(letters.findIndex(({ id }) => id === after) + 1).filter(isOneOf(ids));
    return wanted.slice(0, limit).flatMap((letter) => {
      const content = queue.read(letter);
      const { id, at, deliveries: deliveryCount } = letter;
      return content
        ? [{ id, queue: name, reason: { code: "failed" }, ...content, deadAt: toMs(at), deliveryCount }]
        : [];
    });
  }

  redrive(name: string, ids: readonly string[] | "all"): number {
    return this.#eachDead(name, ids, (queue, letter) => {
      const { headers } = queue.read(letter) ?? {};
      const edition = headers && queue.amend(letter, { headers: redrivenHeaders(headers) });
      if (edition === undefined) return false;
      this.#revocations.forget(letter.id);
      const anew: Partial<Ticket> = { place: "waiting", at: placeInLine(), deliveries: 0, starts: 0, edition };
      return queue.move(letter, anew) !== undefined;
    });
  }

  dropDead(name: string, ids: readonly string[] | "all"): number {
    return this.#eachDead(name, ids, (queue, letter) => queue.remove(letter));
  }

  destroyQueue(name: string): QueueDepth {
    return this.queue(name).destroy();
  }

  #eachDead(name: string, ids: readonly string[] | "all", act: (queue: SpoolQueue, letter: Ticket) => boolean): number {
    const queue = this.queue(name);
    const letters = queue.list("dead").filter(isOneOf(ids));
    return letters.filter((letter) => act(queue, letter)).length;
  }
}

function isOneOf(ids: readonly string[] | "all"): (letter: Ticket) => boolean {
  return ({ id }) => ids === "all" || ids.includes(id);
}
