import * as fs from "node:fs";
import { join } from "node:path";
import type { Calls } from "@lovage/core/brokers";
import { DEFAULT_REVOKE_TTL_MS, type QueueAdmin, type RevokeOutcome } from "@lovage/core/contracts";
import { isId } from "./spool-layout.ts";
import { SpoolQueue } from "./spool-queue.ts";

const QUEUE_FOLDER = /^([A-Za-z0-9._-]{1,128})\.queue$/;

/** What people do with queues. Answers without promises and throws what it likes: `createBroker` sees to both. */
export function spoolAdmin(root: string): Calls<QueueAdmin> {
  const queues = (): string[] => fs.readdirSync(root).flatMap((name) => QUEUE_FOLDER.exec(name)?.[1] ?? []);
  return {
    ensureQueue: (declaration) => new SpoolQueue(root, declaration.name).declare(declaration),
    queues: () => queues().sort(),
    depth: (name) => declaredQueue(root, name).depth(),
    oldestReadyAge: (name) => void declaredQueue(root, name),
    pause: (name) => declaredQueue(root, name).pause(),
    resume: (name) => declaredQueue(root, name).resume(),
    purge(name, { delayed = false } = {}) {
      const queue = declaredQueue(root, name);
      const tickets = delayed ? queue.list("waiting") : queue.ready();
      return tickets.filter((ticket) => queue.remove(ticket)).length;
    },
    revoke(ids) {
      forgetRevocations(root);
      const status = new Map<string, RevokeOutcome["status"]>(ids.map((id) => [id, "absent"]));
      for (const id of ids.filter(isId)) fs.writeFileSync(join(root, "revoked", id), "");
      for (const queue of queues().map((name) => new SpoolQueue(root, name))) {
        for (const ticket of queue.list("waiting")) {
          if (status.has(ticket.id) && queue.remove(ticket)) status.set(ticket.id, "removed");
        }
        for (const { id } of queue.list("claimed")) if (status.get(id) === "absent") status.set(id, "owned");
      }
      return ids.map((id) => ({ id, status: status.get(id) ?? "absent" }));
    },
    deadLetters(name, { limit = 100, after, ids } = {}) {
      const queue = declaredQueue(root, name);
      const letters = queue.dead(ids);
      const wanted = letters.slice(letters.findIndex(({ id }) => id === after) + 1);
      return wanted.slice(0, limit).flatMap((letter) => queue.letter(letter) ?? []);
    },
    redrive(name, ids) {
      const queue = declaredQueue(root, name);
      return queue.dead(ids).filter((letter) => queue.redrive(letter)).length;
    },
    dropDead(name, ids) {
      const queue = declaredQueue(root, name);
      return queue.dead(ids).filter((letter) => queue.remove(letter)).length;
    },
    destroyQueue: (name) => declaredQueue(root, name).destroy(),
  };
}

/** Throws `QueueNotFoundError` where it was never declared. */
export function declaredQueue(root: string, name: string): SpoolQueue {
  const queue = new SpoolQueue(root, name);
  void queue.settings;
  return queue;
}

function forgetRevocations(root: string): void {
  for (const id of fs.readdirSync(join(root, "revoked"))) {
    const marker = fs.statSync(join(root, "revoked", id), { throwIfNoEntry: false });
    if (marker && marker.mtimeMs + DEFAULT_REVOKE_TTL_MS < Date.now())
      fs.rmSync(join(root, "revoked", id), { force: true });
  }
}
