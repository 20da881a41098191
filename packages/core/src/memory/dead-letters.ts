import type { DeadLetter } from "../contracts/index.ts";
import type { Entry } from "./entry.ts";
import { Line } from "./line.ts";

export interface DeadLetterQuery {
  readonly limit?: number;
  readonly after?: string;
  readonly ids?: readonly string[];
}

const DEFAULT_LIMIT = 100;

/** The dead letters of one queue, oldest first. */
export class DeadLetters {
  readonly #line: Line<Entry> = new Line<Entry>();
  readonly #byId = new Map<string, Entry>();

  get size(): number {
    return this.#line.size;
  }

  get oldest(): Entry | undefined {
    return this.#line.first;
  }

  add(entry: Entry): void {
    this.#line.join(entry);
    this.#byId.set(entry.message.id, entry);
  }

  remove(entry: Entry): void {
    this.#line.leave(entry);
    this.#byId.delete(entry.message.id);
  }

  /** Those of `ids` that are here, or all. The caller may remove each as it comes. */
  *select(ids: readonly string[] | "all"): Iterable<Entry> {
    if (ids === "all") return yield* this.#line;
    for (const id of ids) {
      const entry = this.#byId.get(id);
      if (entry !== undefined) yield entry;
    }
  }

  /** A page. When the letter `after` has been removed meanwhile, the page begins at the oldest: the ones before it went with it. */
  list(queue: string, { limit = DEFAULT_LIMIT, after, ids }: DeadLetterQuery = {}): readonly DeadLetter[] {
    const wanted = ids === undefined ? undefined : new Set(ids);
    const page: DeadLetter[] = [];
    const cursor = after === undefined ? undefined : this.#byId.get(after);
    for (let entry = cursor === undefined ? this.#line.first : cursor.behind; entry; entry = entry.behind) {
      if (page.length >= limit) break;
      if (wanted === undefined || wanted.has(entry.message.id)) page.push(letter(queue, entry));
    }
    return page;
  }

  [Symbol.iterator](): Iterator<Entry> {
    return this.#line[Symbol.iterator]();
  }
}

function letter(queue: string, entry: Entry): DeadLetter {
  const { id, headers, body, priority } = entry.message;
  const reason = entry.reason ?? { code: "failed" };
  return { id, queue, headers, body, priority, reason, deadAt: entry.at, deliveryCount: entry.deliveryCount };
}
