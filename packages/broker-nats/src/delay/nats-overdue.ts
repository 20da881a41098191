import { decode, encode, parseBlock } from "../publishing/nats-envelope.ts";
import type { Publisher } from "../publishing/nats-publisher.ts";
import { dueOf, type Layout, WINDOW_MS, windowOf } from "../queues/nats-layout.ts";
import type { Queues } from "../queues/nats-queues.ts";
import type { Streams } from "../queues/nats-streams.ts";

export interface OverdueOptions {
  readonly layout: Layout;
  readonly streams: Streams;
  readonly queues: Queues;
  readonly publisher: Publisher;
}

/** The server is late by less, also after a restart. */
const OVERDUE_MS = 5_000;
const AT_ONCE = 100;

/**
 * Schedules that are still there although they were due. A server tries each once: if it had no room for the message just then, the schedule
 * stays and is tried again only after a restart (seen on 2.15). Stored anew in its own place it is tried again, and can be neither lost nor
 * doubled by that: it is stored only if it is still the one that was seen.
 */
export class Overdue {
  readonly #options: OverdueOptions;
  /** Places of windows that are over and not known to be empty, with their queues. */
  readonly #windows = new Map<string, string>();
  #lookedUntil = 0;

  constructor(options: OverdueOptions) {
    this.#options = options;
  }

  /** Looks for what is overdue since whenever: after being elected, and now and then. */
  async lookThrough(): Promise<void> {
    const { layout, streams } = this.#options;
    const before = Date.now() - OVERDUE_MS;
    this.#lookedUntil = startOf(before);
    this.#windows.clear();
    for (const queue of this.#scheduling()) {
      const stream = layout.readyStream(queue);
      const info = await streams.info(stream);
      if (info === undefined || info.state.messages === 0) continue;
      for (const filter of layout.schedulesBefore(queue, Date.parse(info.state.first_ts), before)) {
        for await (const page of streams.subjects(stream, filter)) {
          for (const subject of Object.keys(page)) {
            if ((dueOf(subject) ?? before) < before) this.#windows.set(windowOf(subject), queue);
          }
        }
      }
    }
    await this.#empty();
  }

  /** Looks into the windows that are over since the last time, and into those that were not empty then. */
  async look(): Promise<void> {
    const until = startOf(Date.now() - OVERDUE_MS);
    for (; this.#lookedUntil < until; this.#lookedUntil += WINDOW_MS) {
      for (const queue of this.#scheduling()) {
        this.#windows.set(this.#options.layout.scheduleWindow(queue, this.#lookedUntil), queue);
      }
    }
    await this.#empty();
  }

  #scheduling(): readonly string[] {
    const { queues } = this.#options;
    return queues.names().filter((queue) => queues.known(queue)?.settings.schedules === true);
  }

  async #empty(): Promise<void> {
    const { layout, streams } = this.#options;
    for (const [window, queue] of [...this.#windows]) {
      let some = false;
      for await (const page of streams.subjects(layout.readyStream(queue), `${window}.>`)) {
        const subjects = Object.keys(page);
        some ||= subjects.length > 0;
        const again = Array.from({ length: Math.min(AT_ONCE, subjects.length) }, async () => {
          for (let next = subjects.pop(); next !== undefined; next = subjects.pop()) await this.#storeAnew(queue, next);
        });
        await Promise.all(again);
      }
      if (!some) this.#windows.delete(window);
    }
  }

  async #storeAnew(queue: string, subject: string): Promise<void> {
    const { layout, streams, publisher } = this.#options;
    const stored = await streams.message(layout.readyStream(queue), { last_by_subj: subject });
    if (stored === undefined) return;
    const headers = parseBlock(Buffer.from(stored.hdrs ?? "", "base64"));
    const travelling = decode(Buffer.from(stored.data ?? "", "base64"), headers, subject);
    const kept = ["Nats-Schedule", "Nats-Schedule-Target"].map((name) => [name, headers.get(name)] as const);
    const onlyIf = { "Nats-Expected-Last-Subject-Sequence": `${stored.seq}` };
    const encoded = encode(travelling, { ...Object.fromEntries(kept), ...onlyIf });
    // Refused: it was tried meanwhile after all, or there is still no room. The next look tells.
    await publisher.storeAs(queue, subject, encoded, travelling.message.id);
  }
}

function startOf(at: number): number {
  return Math.floor(at / WINDOW_MS) * WINDOW_MS;
}
