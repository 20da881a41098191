/**
 * What is on the server. A queue has these eleven keys and no others, whatever its length; all share the hash tag `{<queue>}`, so that
 * they are in one slot of a cluster and one script may touch them all. `<p>` is the prefix, `lovage` by default.
 *
 * | key | type | holds |
 * |---|---|---|
 * | `<p>:{q}:queue` | hash | `lease`, `dead`, `keep`: the declaration's settings in ms and numbers; `paused`: `1` or absent; `clock`: the last place given, without its band; `revoked`: until when (ms) there may be revocations; `seen`: when (µs) someone last had a turn; `reap`: before that instant (µs) nobody reaps |
 * | `<p>:{q}:messages` | hash | id → envelope ({@link file://./redis-envelope.ts}) of every message, dead ones included |
 * | `<p>:{q}:ready` | zset | id, by *place*: what is claimed first has the lowest |
 * | `<p>:{q}:delayed` | zset | id, by due time in ms × 16 + band |
 * | `<p>:{q}:leases` | zset | *claim*, by the end of its lease in µs |
 * | `<p>:{q}:states` | hash | id → `<deliveries> <starts>` of what was handed out before; absent means 0 0 |
 * | `<p>:{q}:dead` | zset | id, by when it died in µs |
 * | `<p>:{q}:reasons` | hash | id → `<died at, ms> <deliveries> <reason as JSON>` of a dead letter |
 * | `<p>:{q}:revoked` | zset | revoked id, by when it is forgotten in ms |
 * | `<p>:{q}:wake` | zset | at most one member: something may be ready. Taken by one of those who block on it |
 * | `<p>:{q}:sessions` | hash | session → its last turn and what that answered, so that a turn whose answer was lost is not carried out twice |
 *
 * Of the namespace: `<p>:layout` (string, this layout's number), `<p>:queues` (set of names), `<p>:revoked` (zset, as above: for queues that
 * are declared later). Results: `<p>:result:<id>` (string with a time to live), one for each.
 *
 * A *place* is 10^15 + band × 8·10^14 + µs since 2026, always 16 digits; band 0 is priority 9. It is given by the server's clock and never twice,
 * kept through release and a lapsed lease, and new after a requeue. A *claim* is `<place><delivery>:<id>` (`1000028123456789` `1` `:` `0190…`): as a place
 * is never given twice, it names one hand-over of one message for all time, and is the fence of every settlement.
 */

export const LAYOUT = 1;

/** Also where in time places begin: 2026-01-01T00:00:00Z. */
export const EPOCH_MS = 1_767_225_600_000;
export const PLACE_DIGITS = 16;
export const PLACE_BASE = 1e15;
export const BAND_STRIDE = 8e14;

const QUEUE_KEYS = [
  "queue",
  "messages",
  "ready",
  "delayed",
  "leases",
  "states",
  "dead",
  "reasons",
  "revoked",
  "wake",
  "sessions",
] as const;

export type QueueKey = (typeof QUEUE_KEYS)[number];
export type QueueKeys = Readonly<Record<QueueKey, string>>;

/** Names of keys and channels under one prefix. */
export class Layout {
  readonly prefix: string;
  readonly #queues = new Map<string, QueueKeys>();

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  get layout(): string {
    return `${this.prefix}:layout`;
  }

  get queues(): string {
    return `${this.prefix}:queues`;
  }

  get revoked(): string {
    return `${this.prefix}:revoked`;
  }

  result(id: string): string {
    return `${this.prefix}:result:${id}`;
  }

  channel(name: "control" | "events" | `reply:${string}` | `worker:${string}`): string {
    return `${this.prefix}:${name}`;
  }

  queue(queue: string): QueueKeys {
    let keys = this.#queues.get(queue);
    if (keys === undefined) {
      keys = Object.fromEntries(QUEUE_KEYS.map((key) => [key, `${this.prefix}:{${queue}}:${key}`])) as QueueKeys;
      this.#queues.set(queue, keys);
    }
    return keys;
  }
}

export function allKeys(keys: QueueKeys): string[] {
  return QUEUE_KEYS.map((key) => keys[key]);
}
