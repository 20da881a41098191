/** Ledgers written by hand: a run of two workers in which all is well, to be spoilt in one place. */

import type { Entry, RunFacts } from "../src/ledger.ts";
import type { TaskKind } from "../src/plan.ts";

export const LEASE_MS = 3_000;
export const GRACE_MS = 5_000;

const FACTS: RunFacts = {
  seed: 1,
  broker: "paper",
  leaseMs: LEASE_MS,
  graceMs: GRACE_MS,
  ownership: "lease",
  delayResolutionMs: 1,
  countsDeliveries: true,
  maxStarts: 3,
  results: true,
  browsesDead: true,
  excusing: [],
  stopsAll: false,
  silenceMs: 0,
  forgetsMs: 0,
  requeue: "atomic",
};

/** Pids of the two workers, and of an executor process of the first. */
export const W0 = 100;
export const W1 = 200;
export const CHILD = 101;

/** Times are ms since the run began. */
export class Handmade {
  readonly entries: Entry[];
  #runs = 0;
  #faults = 0;
  #tasks = 0;

  constructor(facts: Partial<RunFacts> = {}) {
    this.entries = [{ e: "run", at: 0, ...FACTS, ...facts }];
    for (const [slot, pid] of [W0, W1].entries()) this.worker(slot, pid, 1);
  }

  worker(slot: number, pid: number, at: number): this {
    return this.add(
      { e: "worker", at, slot, pid, what: "started" },
      { e: "worker", at: at + 1, slot, pid, what: "ready" },
    );
  }

  ended(slot: number, pid: number, at: number, code: number | null, signal: string | null = null): this {
    return this.add({ e: "worker", at, slot, pid, what: "ended", code, signal });
  }

  publish(
    id: string,
    at: number,
    kind: TaskKind = "short",
    status: "accepted" | "duplicate" | "refused" | "unknown" | "unanswered" = "accepted",
    dueAt?: number,
  ): this {
    const index = this.#tasks++;
    this.add({ e: "publish", at, id, index, kind, pid: 1, ...(dueAt === undefined ? {} : { dueAt }) });
    return status === "unanswered" ? this : this.add({ e: "published", at: at + 1, id, index, status });
  }

  /** A run that ends after `forMs`, or never. */
  ran(
    id: string,
    at: number,
    {
      worker = W0,
      pid = worker,
      attempt = 1,
      deliveries = 1,
      forMs = 10,
      how = "returned",
    }: {
      worker?: number;
      pid?: number;
      attempt?: number;
      deliveries?: number;
      forMs?: number | "never";
      how?: "returned" | "threw";
    } = {},
  ): this {
    const run = `${pid}.0.${++this.#runs}`;
    this.add({ e: "start", at, id, run, pid, parent: pid === worker ? 1 : worker, attempt, deliveries });
    return forMs === "never" ? this : this.add({ e: "end", at: at + forMs, id, run, how });
  }

  struck(kind: string, from: number, to: number, pid?: number): this {
    const number = ++this.#faults;
    const aims = pid === undefined ? "broker" : "worker";
    const whom = pid === undefined ? {} : { pid };
    return this.add(
      { e: "fault", at: from, number, kind, aims, phase: "begins", ...whom },
      { e: "fault", at: to, number, kind, aims, phase: "ends" },
    );
  }

  dead(id: string, at: number, code = "poison"): this {
    return this.add({ e: "dead", at, id, queue: "cpu", code });
  }

  add(...entries: Entry[]): this {
    this.entries.push(...entries);
    return this;
  }
}
