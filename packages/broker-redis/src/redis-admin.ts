import type { Calls } from "@lovage/core/brokers";
import {
  DEFAULT_REVOKE_TTL_MS,
  type DeadLetter,
  type DeadLetterReason,
  type QueueAdmin,
  type QueueDeclaration,
  type QueueDepth,
  QueueNotFoundError,
  queueSettings,
  type RevokeOutcome,
  redrivenHeaders,
} from "@lovage/core/contracts";
import { envelopeOf, messageOf } from "./redis-envelope.ts";
import type { Layout } from "./redis-layout.ts";
import { DROP_DEAD, LIST_DEAD, REDRIVE } from "./scripts/dead-letters.ts";
import { DEPTH, DESTROY, ENSURE, OLDEST, PAUSE, PURGE, REMEMBER, REVOKE } from "./scripts/queues.ts";
import type { Script } from "./scripts/script.ts";

/** Messages or ids in one script. */
const STEP = 500;
const PAGE = 100;

/** Sends commands that may be sent twice: while the server is away they wait, up to the deadline of the call. */
export interface AdminLink {
  call(command: string, args: readonly (string | number)[]): Promise<unknown>;
  run(script: Script, queue: string, args: readonly (string | number)[]): Promise<unknown>;
}

/** Queues, revocations and dead letters. */
export class RedisAdmin implements Calls<QueueAdmin> {
  readonly #link: AdminLink;
  readonly #layout: Layout;

  constructor(link: AdminLink, layout: Layout) {
    this.#link = link;
    this.#layout = layout;
  }

  async ensureQueue(declaration: QueueDeclaration): Promise<void> {
    const { name, leaseMs, maxDead, deadRetentionMs } = declaration;
    const defaults = queueSettings({ name });
    queueSettings(declaration);
    // Listed before it is there: what is listed and not there is harmless, the other way round it would be forgotten.
    await this.#link.call("sadd", [this.#layout.queues, name]);
    const isNew = (await this.#link.call("exists", [this.#layout.queue(name).queue])) === 0;
    const revoked = isNew ? await this.#revocations() : ["0"];
    const given = [leaseMs, maxDead, deadRetentionMs].map((value) => (value === undefined ? "" : Math.floor(value)));
    const args = [...given, defaults.leaseMs, defaults.maxDead, defaults.deadRetentionMs, ...revoked];
    await this.#link.run(ENSURE, name, args);
  }

  async queues(): Promise<readonly string[]> {
    return ((await this.#link.call("smembers", [this.#layout.queues])) as string[]).sort();
  }

  async depth(queue: string): Promise<QueueDepth> {
    return depthOf(found(await this.#link.run(DEPTH, queue, []), queue));
  }

  async oldestReadyAge(queue: string): Promise<number | undefined> {
    const age = found<number>(await this.#link.run(OLDEST, queue, []), queue);
    return age < 0 ? undefined : age;
  }

  async pause(queue: string): Promise<void> {
    found(await this.#link.run(PAUSE, queue, [1]), queue);
  }

  async resume(queue: string): Promise<void> {
    found(await this.#link.run(PAUSE, queue, [0]), queue);
  }

  /** Nobody knows in which queue an id is, so each is asked. What is nowhere is remembered in each, and for those that are declared later. */
  async revoke(ids: readonly string[]): Promise<readonly RevokeOutcome[]> {
    if (ids.length === 0) return [];
    const statuses = new Map<string, RevokeOutcome["status"]>();
    const queues = await this.queues();
    await Promise.all(
      queues.map(async (queue) => {
        for (const step of inSteps(ids)) {
          const answers = (await this.#link.run(REVOKE, queue, [DEFAULT_REVOKE_TTL_MS, ...step])) as number[] | null;
          for (const [index, answer] of (answers ?? []).entries()) {
            if (answer > 0) statuses.set(step[index] as string, answer === 1 ? "removed" : "owned");
          }
        }
      }),
    );
    const absent = ids.filter((id) => !statuses.has(id));
    if (absent.length > 0) await this.#remember(absent, queues);
    return ids.map((id) => ({ id, status: statuses.get(id) ?? "absent" }));
  }

  async purge(queue: string, options: { readonly delayed?: boolean } = {}): Promise<number> {
    const { ready = 0, delayed = 0 } = await this.depth(queue);
    const most = ready + (options.delayed ? delayed : 0);
    let total = 0;
    while (total < most) {
      const step = Math.min(STEP, most - total);
      const removed = found<number>(await this.#link.run(PURGE, queue, [step, options.delayed ? 1 : 0]), queue);
      total += removed;
      if (removed < step) break;
    }
    return total;
  }

  async deadLetters(
    queue: string,
    options: { readonly limit?: number; readonly after?: string; readonly ids?: readonly string[] } = {},
  ): Promise<readonly DeadLetter[]> {
    const { limit = PAGE, after = "", ids } = options;
    if (ids?.length === 0) return [];
    const args = [Math.max(0, Math.floor(limit)), after, ...(ids ?? [])];
    const rows = found<string[]>(await this.#link.run(LIST_DEAD, queue, args), queue);
    const letters: DeadLetter[] = [];
    for (let at = 0; at < rows.length; at += 3) {
      letters.push(letterOf(queue, rows[at] as string, rows[at + 1] as string, rows[at + 2] as string));
    }
    return letters;
  }

  /** Read, changed here and written back: headers are JSON, which the server would not write as it was. What is gone meanwhile stays gone. */
  async redrive(queue: string, ids: readonly string[] | "all"): Promise<number> {
    let total = 0;
    for await (const letters of this.#pages(queue, ids)) {
      const args = letters.flatMap(({ id, headers, ...message }) => [
        id,
        envelopeOf({ ...message, headers: redrivenHeaders(headers) }),
      ]);
      total += found<number>(await this.#link.run(REDRIVE, queue, args), queue);
    }
    return total;
  }

  async dropDead(queue: string, ids: readonly string[] | "all"): Promise<number> {
    let total = 0;
    for await (const letters of this.#pages(queue, ids)) {
      const args = letters.map(({ id }) => id);
      total += found<number>(await this.#link.run(DROP_DEAD, queue, args), queue);
    }
    return total;
  }

  async destroyQueue(queue: string): Promise<QueueDepth> {
    const depth = depthOf(found(await this.#link.run(DESTROY, queue, []), queue));
    await this.#link.call("srem", [this.#layout.queues, queue]);
    return depth;
  }

  /** Those that were dead when it began. */
  async *#pages(queue: string, ids: readonly string[] | "all"): AsyncGenerator<readonly DeadLetter[]> {
    if (ids !== "all") {
      if (ids.length === 0) await this.depth(queue);
      for (const step of inSteps(ids)) {
        const letters = await this.deadLetters(queue, { ids: step, limit: STEP });
        if (letters.length > 0) yield letters;
      }
      return;
    }
    let left = (await this.depth(queue)).dead ?? 0;
    while (left > 0) {
      const letters = await this.deadLetters(queue, { limit: Math.min(PAGE, left) });
      if (letters.length === 0) return;
      left -= letters.length;
      yield letters;
    }
  }

  async #remember(ids: readonly string[], queues: readonly string[]): Promise<void> {
    const now = await this.#serverTime();
    await this.#link.call("zremrangebyscore", [this.#layout.revoked, "-inf", now]);
    for (const step of inSteps(ids)) {
      const until = now + DEFAULT_REVOKE_TTL_MS;
      await this.#link.call("zadd", [this.#layout.revoked, ...step.flatMap((id) => [until, id])]);
      // A queue declared since the list was read has them from there.
      await Promise.all(queues.map((queue) => this.#link.run(REMEMBER, queue, [DEFAULT_REVOKE_TTL_MS, ...step])));
    }
  }

  async #revocations(): Promise<(string | number)[]> {
    const now = await this.#serverTime();
    const rows = (await this.#link.call("zrangebyscore", [
      this.#layout.revoked,
      now,
      "+inf",
      "withscores",
    ])) as string[];
    if (rows.length === 0) return ["0"];
    const args: (string | number)[] = [now + DEFAULT_REVOKE_TTL_MS];
    for (let at = 0; at < rows.length; at += 2) args.push(rows[at + 1] as string, rows[at] as string);
    return args;
  }

  async #serverTime(): Promise<number> {
    const [seconds, microseconds] = (await this.#link.call("time", [])) as [string, string];
    return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
  }
}

function found<T = unknown>(answer: unknown, queue: string): T {
  if (answer === null || answer === false) throw new QueueNotFoundError(queue);
  return answer as T;
}

function depthOf([ready, delayed, owned, dead, paused]: number[]): QueueDepth {
  return { ready, delayed, owned, dead, paused: paused === 1 };
}

function letterOf(queue: string, id: string, about: string, envelope: string): DeadLetter {
  const [, deadAt, deliveries, reason] = /^(\d+) (\d+) (.*)$/s.exec(about) ?? ["", "0", "0", "{}"];
  return {
    ...messageOf(id, envelope),
    queue,
    reason: JSON.parse(reason as string) as DeadLetterReason,
    deadAt: Number(deadAt),
    deliveryCount: Number(deliveries),
  };
}

function inSteps(ids: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(ids.length / STEP) }, (_, step) => ids.slice(step * STEP, (step + 1) * STEP));
}
