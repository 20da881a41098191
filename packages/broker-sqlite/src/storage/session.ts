import type { Statements } from "../sqlite-statements.ts";

const PAGE_BYTES = 4_096;

export interface QueueRow {
  readonly number: number;
  readonly leaseMs: number;
  readonly maxDead: number;
  readonly deadRetentionMs: number;
  readonly paused: boolean;
}

type QueueColumns = [number: number, leaseMs: number, maxDead: number, deadRetentionMs: number, paused: number];

/** What the operations of one transaction share: statements, one reading of the clock, and what was looked up already. */
export class Session {
  readonly sql: Statements;
  /** ms since the epoch, by the broker's clock. */
  readonly now: number;
  /** Whether leases that have ended may be given to others, and else in how many ms. */
  readonly mayReap: boolean;
  readonly reapInMs: number;
  readonly #queues = new Map<string, QueueRow | undefined>();
  #anyRevoked: boolean | undefined;
  #anyDead: boolean | undefined;

  constructor(sql: Statements, now: number, leases: { mayReap: boolean; reapInMs: number }) {
    this.sql = sql;
    this.now = now;
    this.mayReap = leases.mayReap;
    this.reapInMs = leases.reapInMs;
  }

  queue(name: string): QueueRow | undefined {
    const known = this.#queues.get(name);
    if (known !== undefined || this.#queues.has(name)) return known;
    const row = queueRow(this.sql.first<QueueColumns>("queueByName", name));
    this.#queues.set(name, row);
    return row;
  }

  queueByNumber(number: number): QueueRow | undefined {
    return queueRow(this.sql.first<QueueColumns>("queueByNumber", number));
  }

  /** Settings, pauses and declarations of this transaction are seen by what comes after them. */
  forgetQueues(): void {
    this.#queues.clear();
  }

  /** Revocations and dead letters are rare: without any, no message pays for a look. */
  get anyRevoked(): boolean {
    this.#anyRevoked ??= this.sql.any("anyRevoked");
    return this.#anyRevoked;
  }

  get anyDead(): boolean {
    this.#anyDead ??= this.sql.any("anyDead");
    return this.#anyDead;
  }

  revocationsChanged(): void {
    this.#anyRevoked = undefined;
  }

  deadChanged(): void {
    this.#anyDead = undefined;
  }

  /** Whether the file holds this much already; pages that were freed count as room. */
  holds(bytes: number): boolean {
    return (this.sql.number("pageCount") - this.sql.number("freePages")) * PAGE_BYTES >= bytes;
  }

  /** A fence that no earlier claim of any process had: 46 random bits above 2^40, so that it always takes six bytes. */
  token(): number {
    return 2 ** 40 + Math.floor(Math.random() * 2 ** 46);
  }
}

function queueRow(columns: QueueColumns | undefined): QueueRow | undefined {
  if (columns === undefined) return undefined;
  const [number, leaseMs, maxDead, deadRetentionMs, paused] = columns;
  return { number, leaseMs, maxDead, deadRetentionMs, paused: paused === 1 };
}

/** How the operations of one kind are done. */
export type Handler<In, Out> = (session: Session, input: In) => Out;
