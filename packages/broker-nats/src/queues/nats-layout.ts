/**
 * Where everything is. `<ns>` is the namespace (default `lovage`), `<queue>` the queue's name with `=` for `.`, `<band>` 0 for the highest
 * priorities. Streams belong to one queue, buckets to the namespace.
 *
 * ```
 * stream  <ns>-q-<queue>   <ns>.q.<queue>.<band>                     work queue: a message until it is acked
 *           consumer b<band>                                         all workers of the queue share it
 *                          <ns>.s.<queue>.<hour>.<window>.<due>.<id> schedules, from 2.12 on: the server moves them itself
 * stream  <ns>-d-<queue>   <ns>.d.<queue>.<hour>.<window>.<due>.<id> delayed, below 2.12: the mover copies them when due
 * stream  <ns>-x-<queue>   <ns>.x.<queue>.<id>                       dead letters
 *
 * bucket  <ns>-queues      <queue>   its settings, and whether it is paused
 * bucket  <ns>-revoked     <id>      kept for a day
 * bucket  <ns>-results     <id>      result records
 * bucket  <ns>-movers      mover     who moves what is due
 * bucket  <ns>-workers     <token>   who serves commands, kept for ten seconds
 *
 * core    <ns>.kv.<bucket>.<key>     what was stored in a bucket, after it was stored
 *         <ns>.w.<queue>.<band>      a message was stored (only with several bands)
 *         <ns>.n.<queue>…            a delayed message was stored: headers only, for the mover
 *         <ns>.c.…                   control and events: nats-control.ts
 * ```
 */

const HOUR_MS = 3_600_000;
/** What is due within one window is looked up together. */
export const WINDOW_MS = 10_000;

export interface DelayedPlace {
  readonly dueAt: number;
  readonly subject: string;
}

/** The names of one namespace. */
export class Layout {
  readonly namespace: string;

  constructor(namespace: string) {
    this.namespace = namespace;
  }

  readyStream(queue: string): string {
    return `${this.namespace}-q-${token(queue)}`;
  }

  delayStream(queue: string): string {
    return `${this.namespace}-d-${token(queue)}`;
  }

  deadStream(queue: string): string {
    return `${this.namespace}-x-${token(queue)}`;
  }

  streams(queue: string): readonly string[] {
    return [this.readyStream(queue), this.delayStream(queue), this.deadStream(queue)];
  }

  /** Undefined for streams of other things. */
  queueOfReadyStream(stream: string): string | undefined {
    const prefix = `${this.namespace}-q-`;
    return stream.startsWith(prefix) ? untoken(stream.slice(prefix.length)) : undefined;
  }

  ready(queue: string, band: number | ">"): string {
    return `${this.namespace}.q.${token(queue)}.${band}`;
  }

  consumer(band: number): string {
    return `b${band}`;
  }

  /** Whose consumer that is. */
  band(consumer: string): number {
    return Number(consumer.slice(1));
  }

  schedule(queue: string, dueAt: number, id: string): string {
    return place(this.scheduleWindow(queue, Math.ceil(dueAt)), dueAt, id);
  }

  /** Where schedules are that were made since `since` and are due before `until`, with others. */
  schedulesBefore(queue: string, since: number, until: number): readonly string[] {
    return hours(`${this.namespace}.s.${token(queue)}`, since, until);
  }

  schedulesAll(queue: string): string {
    return `${this.namespace}.s.${token(queue)}.>`;
  }

  scheduleWindow(queue: string, at: number): string {
    return window(`${this.namespace}.s.${token(queue)}`, at);
  }

  /** The schedules of this id, whenever due. */
  schedulesOf(queue: string, id: string): string {
    return `${this.namespace}.s.${token(queue)}.*.*.*.${idToken(id)}`;
  }

  delayed(queue: string, dueAt: number, id: string): string {
    return place(this.delayedWindow(queue, Math.ceil(dueAt)), dueAt, id);
  }

  /** Where delayed messages are that were stored since `since` and are due before `until`, with others. */
  delayedBefore(queue: string, since: number, until: number): readonly string[] {
    return hours(`${this.namespace}.d.${token(queue)}`, since, until);
  }

  delayedAll(queue: string): string {
    return `${this.namespace}.d.${token(queue)}.>`;
  }

  delayedWindow(queue: string, at: number): string {
    return window(`${this.namespace}.d.${token(queue)}`, at);
  }

  /** The delayed messages of this id, whenever due. */
  delayedOf(queue: string, id: string): string {
    return `${this.namespace}.d.${token(queue)}.*.*.*.${idToken(id)}`;
  }

  /** Announcements of delayed messages, of one queue or of all. */
  announced(queue: string | "*"): string {
    return `${this.namespace}.n.${queue === "*" ? queue : token(queue)}.>`;
  }

  /** What an announcement is of. Undefined for what nobody here has written. */
  announcedPlace(subject: string): (DelayedPlace & { readonly queue: string }) | undefined {
    const parts = subject.split(".");
    const [queue, hour, window, due, id] = parts.slice(-5);
    if (due === undefined || id === undefined || queue === undefined || !/^\d+$/.test(due)) return undefined;
    const name = untoken(queue);
    return { queue: name, dueAt: Number(due), subject: `${this.namespace}.d.${queue}.${hour}.${window}.${due}.${id}` };
  }

  dead(queue: string, id: string | ">"): string {
    return `${this.namespace}.x.${token(queue)}.${id === ">" ? id : idToken(id)}`;
  }

  wake(queue: string, band: number | ">" | "*"): string {
    return `${this.namespace}.w.${token(queue)}.${band}`;
  }

  bucket(name: "queues" | "revoked" | "results" | "movers" | "workers"): string {
    return `${this.namespace}-${name}`;
  }

  stored(bucket: string, key: string): string {
    return `${this.namespace}.kv.${bucket}.${key}`;
  }

  control(kind: string): string {
    return `${this.namespace}.c.${kind}`;
  }
}

/** Asking for so many one by one costs more than for all at once, with a million that are due later. */
const MOST_HOURS = 100;

/** Nothing is due before it is stored, but for a clock that is behind. */
function hours(queue: string, since: number, until: number): readonly string[] {
  const [first, last] = [Math.floor(since / HOUR_MS) - 1, Math.floor(until / HOUR_MS)];
  if (last - first >= MOST_HOURS) return [`${queue}.>`];
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => `${queue}.${first + index}.>`);
}

function window(queue: string, at: number): string {
  return `${queue}.${Math.floor(at / HOUR_MS)}.${Math.floor((at % HOUR_MS) / WINDOW_MS)}`;
}

function place(inWindow: string, dueAt: number, id: string): string {
  return `${inWindow}.${Math.ceil(dueAt)}.${idToken(id)}`;
}

/** The window that a delayed message's subject lies in. */
export function windowOf(subject: string): string {
  return subject.split(".").slice(0, -2).join(".");
}

/** When a delayed message is due, from its subject; undefined for a subject that is none of ours. */
export function dueOf(subject: string): number | undefined {
  const due = subject.split(".").at(-2);
  return due !== undefined && /^\d+$/.test(due) ? Number(due) : undefined;
}

/** Queue names and keys as one token of a subject: `=` is legal there and in no queue's name. */
export function token(name: string): string {
  return name.replaceAll(".", "=");
}

export function untoken(name: string): string {
  return name.replaceAll("=", ".");
}

/** Ids are UUIDs; whatever else somebody chose is spelt so that it is one token and mistaken for no other. */
export function idToken(id: string): string {
  return /^[A-Za-z0-9_-]{1,64}$/.test(id) ? id : `=${Buffer.from(id).toString("base64url")}`;
}

export function idOfToken(text: string): string {
  return text.startsWith("=") ? Buffer.from(text.slice(1), "base64url").toString() : text;
}
