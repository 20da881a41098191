import {
  ConfigurationError,
  DEFAULT_REVOKE_TTL_MS,
  type DeadLetter,
  type QueueAdmin,
  type QueueDeclaration,
  type QueueDepth,
  QueueNotFoundError,
  type RevokeOutcome,
} from "@lovage/core/contracts";
import type { DeadRow, OperationMap, Step } from "./sqlite-operations.ts";
import type { SqliteStore } from "./sqlite-store.ts";

const NAME = /^[A-Za-z0-9._-]{1,128}$/;
const LEAST = { leaseMs: 1_000, maxDead: 0, deadRetentionMs: 1 } as const;

/** Queues, revocations and dead letters. What may touch many rows goes in steps, so that others get their turn between them. */
export class SqliteAdmin implements QueueAdmin {
  readonly #store: SqliteStore;

  constructor(store: SqliteStore) {
    this.#store = store;
  }

  async ensureQueue(declaration: QueueDeclaration): Promise<void> {
    await this.#store.run("ensureQueue", checked(declaration));
  }

  queues(): Promise<readonly string[]> {
    return this.#store.run("queues", null);
  }

  async depth(queue: string): Promise<QueueDepth> {
    return found(await this.#store.run("depth", queue), queue);
  }

  async oldestReadyAge(queue: string): Promise<number | undefined> {
    return found(await this.#store.run("oldestReadyAge", queue), queue).ageMs ?? undefined;
  }

  async pause(queue: string): Promise<void> {
    found((await this.#store.run("setPaused", { queue, paused: true })) || null, queue);
  }

  async resume(queue: string): Promise<void> {
    found((await this.#store.run("setPaused", { queue, paused: false })) || null, queue);
  }

  async revoke(ids: readonly string[]): Promise<readonly RevokeOutcome[]> {
    const statuses = await this.#store.run("revoke", { ids, ttlMs: DEFAULT_REVOKE_TTL_MS });
    return ids.map((id, index) => ({ id, status: statuses[index] ?? "absent" }));
  }

  async purge(queue: string, options: { readonly delayed?: boolean } = {}): Promise<number> {
    const { message: upTo } = await this.#store.run("lastSeq", null);
    return this.#inSteps("purgeStep", { queue, delayed: options.delayed === true, upTo });
  }

  async deadLetters(
    queue: string,
    options: { readonly limit?: number; readonly after?: string; readonly ids?: readonly string[] } = {},
  ): Promise<readonly DeadLetter[]> {
    const { limit = 100, after = null, ids = null } = options;
    const rows = found(await this.#store.run("deadLetters", { queue, limit, after, ids }), queue);
    return rows.map((row) => deadLetter(queue, row));
  }

  async redrive(queue: string, ids: readonly string[] | "all"): Promise<number> {
    const { dead: upTo } = await this.#store.run("lastSeq", null);
    return this.#inSteps("redriveStep", { queue, ids: ids === "all" ? null : ids, upTo });
  }

  async dropDead(queue: string, ids: readonly string[] | "all"): Promise<number> {
    const { dead: upTo } = await this.#store.run("lastSeq", null);
    return this.#inSteps("dropDeadStep", { queue, ids: ids === "all" ? null : ids, upTo });
  }

  async destroyQueue(queue: string): Promise<QueueDepth> {
    const { number, depth } = found(await this.#store.run("condemnQueue", queue), queue);
    while ((await this.#store.run("destroyStep", number)).more);
    return depth;
  }

  async #inSteps<K extends "purgeStep" | "redriveStep" | "dropDeadStep">(
    op: K,
    input: OperationMap[K]["in"] & { readonly queue: string },
  ): Promise<number> {
    let total = 0;
    for (;;) {
      const step = found<Step>(await this.#store.run(op, input), input.queue);
      total += step.count;
      if (!step.more) return total;
    }
  }
}

function found<T>(answer: T | null, queue: string): T {
  if (answer === null) throw new QueueNotFoundError(queue);
  return answer;
}

export function checked(declaration: QueueDeclaration): OperationMap["ensureQueue"]["in"] {
  const { name } = declaration;
  if (typeof name !== "string" || !NAME.test(name)) {
    throw new ConfigurationError(`"${name}" cannot name a queue; use 1 to 128 characters of A–Z a–z 0–9 . _ -`, {
      subject: { queue: name },
    });
  }
  const settings: { -readonly [K in keyof typeof LEAST]?: number } = {};
  for (const [setting, least] of Object.entries(LEAST) as [keyof typeof LEAST, number][]) {
    const value = declaration[setting];
    if (value === undefined) continue;
    if (!Number.isFinite(value) || value < least) {
      throw new ConfigurationError(`queue "${name}": ${setting} is ${value}; give a number of at least ${least}`, {
        subject: { queue: name, setting },
      });
    }
    settings[setting] = Math.floor(value);
  }
  return { name, ...settings };
}

function deadLetter(queue: string, row: DeadRow): DeadLetter {
  const [id, priority, headers, body, deliveryCount, code, details, deadAt] = row;
  const reason = details === null ? { code } : { code, details };
  return { id, queue, headers: JSON.parse(headers), body, priority, reason, deadAt, deliveryCount };
}
