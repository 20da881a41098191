import type { QueueSettings } from "@lovage/core/contracts";

export interface QueueState {
  readonly settings: QueueSettings;
  readonly paused: boolean;
  /** Delayed messages sent by those who had read less than this are void. */
  readonly voidBefore: number;
  /** Into how many bands its priorities are divided; absent: one. Never fewer than there were: messages may be in all of them. */
  readonly bands?: number;
}

export type JournalRecord =
  | { readonly is: "queue"; readonly name: string; readonly settings: QueueSettings; readonly bands?: number }
  | { readonly is: "gone" | "void"; readonly name: string }
  | { readonly is: "pause"; readonly name: string; readonly paused: boolean }
  | { readonly is: "revoked"; readonly ids: readonly string[]; readonly until: number }
  | { readonly is: "pardoned"; readonly ids: readonly string[] }
  | { readonly is: "state"; readonly queues: Readonly<Record<string, QueueState>>; readonly asOf: number };

interface Known {
  readonly state: QueueState | undefined;
  /** When it was declared first, ms since the epoch; 0 where that is long ago. */
  readonly madeAt: number;
  /** Offset of the last record that changed it. */
  readonly changedAt: number;
}

/** What the records of the journal come to, read in their order. */
export class JournalState {
  /** -1: nothing was read yet. */
  position = -1;
  /** When everything was last summed up, or else the first record was written: ms since the epoch. 0 while nothing was read. */
  summedUpAt = 0;
  readonly #queues = new Map<string, Known>();
  readonly #revoked = new Map<string, number>();

  queue(name: string): QueueState | undefined {
    return this.#queues.get(name)?.state;
  }

  /** Ms since the epoch; 0 where that is long ago, or unknown. */
  madeAt(name: string): number {
    return this.#queues.get(name)?.madeAt ?? 0;
  }

  queueNames(): readonly string[] {
    return [...this.#queues].flatMap(([name, { state }]) => (state === undefined ? [] : [name])).sort();
  }

  isRevoked(id: string, now: number): boolean {
    const until = this.#revoked.size === 0 ? undefined : this.#revoked.get(id);
    if (until === undefined) return false;
    if (until > now) return true;
    this.#revoked.delete(id);
    return false;
  }

  /** A record of a newer kind, or of nobody's, changes nothing. Reading one twice changes nothing. */
  apply(offset: number, content: Uint8Array): void {
    if (offset <= this.position) return;
    this.position = offset;
    const record = parsed(content);
    if (record === undefined) return;
    if (this.summedUpAt === 0 || record.is === "state") this.summedUpAt = record.at;
    switch (record.is) {
      case "queue": {
        const before = this.queue(record.name);
        const fresh = { paused: false, voidBefore: offset };
        const madeAt = before === undefined ? record.at : this.madeAt(record.name);
        const state = { ...(before ?? fresh), settings: record.settings };
        this.#set(record.name, offset, withBands(state, before?.bands, record.bands), madeAt);
        break;
      }
      case "gone":
        this.#set(record.name, offset, undefined);
        break;
      case "pause":
        this.#change(record.name, offset, { paused: record.paused });
        break;
      case "void":
        this.#change(record.name, offset, { voidBefore: offset });
        break;
      case "revoked":
        // In the order of their ends: those that have passed are the first.
        for (const [id, until] of this.#revoked) {
          if (until > Date.now()) break;
          this.#revoked.delete(id);
        }
        for (const id of record.ids) {
          this.#revoked.delete(id);
          this.#revoked.set(id, record.until);
        }
        break;
      case "pardoned":
        for (const id of record.ids) this.#revoked.delete(id);
        break;
      case "state":
        for (const [name, state] of Object.entries(record.queues)) {
          // What happened while it was summed up is newer than the sum.
          const known = this.#queues.get(name);
          if ((known?.changedAt ?? -1) <= record.asOf)
            this.#set(name, record.asOf, withBands(state, known?.state?.bands));
        }
        break;
    }
  }

  /** Records that say all of it anew. */
  summary(now: number, idsPerRecord: number): readonly JournalRecord[] {
    const queues: Record<string, QueueState> = {};
    for (const [name, { state }] of this.#queues) if (state !== undefined) queues[name] = state;
    const byEnd = new Map<number, string[][]>();
    for (const [id, until] of this.#revoked) {
      if (until <= now) continue;
      const batches = byEnd.get(until) ?? [[]];
      byEnd.set(until, batches);
      if ((batches.at(-1)?.length ?? 0) >= idsPerRecord) batches.push([]);
      batches.at(-1)?.push(id);
    }
    const revoked = [...byEnd].flatMap(([until, batches]) =>
      batches.map((ids) => ({ is: "revoked" as const, ids, until })),
    );
    return [{ is: "state", queues, asOf: this.position }, ...revoked];
  }

  #change(name: string, offset: number, change: Partial<QueueState>): void {
    const before = this.queue(name);
    if (before !== undefined) this.#set(name, offset, { ...before, ...change });
  }

  #set(name: string, changedAt: number, state: QueueState | undefined, madeAt = this.madeAt(name)): void {
    this.#queues.set(name, { state, changedAt, madeAt });
  }
}

function withBands(state: QueueState, ...others: readonly (number | undefined)[]): QueueState {
  const bands = Math.max(state.bands ?? 1, ...others.map((other) => other ?? 1));
  return bands > 1 ? { ...state, bands } : state;
}

function parsed(content: Uint8Array): (JournalRecord & { readonly at: number }) | undefined {
  try {
    return JSON.parse(Buffer.from(content).toString("utf8")) as JournalRecord & { readonly at: number };
  } catch {
    return undefined;
  }
}
