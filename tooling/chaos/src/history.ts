/** The ledger as the checker wants it: what became of each task, and when each worker and the broker could work. */

import type { Entry, RunFacts } from "./ledger.ts";
import type { TaskKind } from "./plan.ts";
import { standstills } from "./standstill.ts";

export interface Run {
  readonly run: string;
  readonly at: number;
  readonly attempt: number;
  readonly deliveries: number;
  readonly pid: number;
  /** The worker whose run it was: its own process, or the parent of the one it ran in. */
  readonly worker: number;
  end?: { readonly at: number; readonly how: "returned" | "threw" };
}

export interface Publication {
  readonly at: number;
  readonly dueAt: number | undefined;
  /** Undefined: its producer was killed before it knew. */
  outcome?: {
    readonly at: number;
    readonly status: "accepted" | "duplicate" | "refused" | "unknown";
    readonly error?: string;
  };
}

export interface TaskHistory {
  readonly id: string;
  readonly index: number;
  readonly kind: TaskKind;
  readonly publications: Publication[];
  /** In the order in which they began. */
  readonly runs: Run[];
  dead?: { readonly at: number; readonly queue: string; readonly code: string };
  /** Copies of it that were in a queue when all workers had ended, as the runs that they would have been: `pid` and `worker` are nobody's. */
  readonly left: Run[];
  result?: { readonly state: string | undefined; readonly value: string | undefined };
}

/** A time in which something was struck; `to` is Infinity for what never came back. */
export interface Interval {
  readonly kind: string;
  readonly from: number;
  readonly to: number;
}

export interface WorkerLife {
  readonly slot: number;
  readonly pid: number;
  readonly startedAt: number;
  readyAt?: number;
  ended?: { readonly at: number; readonly code: number | null; readonly signal: string | null };
  hung?: boolean;
  readonly faults: Interval[];
}

export interface Depth {
  readonly queue: string;
  readonly ready?: number;
  readonly delayed?: number;
  readonly owned?: number;
  readonly dead?: number;
}

export interface History {
  readonly facts: RunFacts;
  readonly tasks: ReadonlyMap<string, TaskHistory>;
  /** Runs of ids that nobody published. */
  readonly phantoms: readonly Run[];
  readonly workers: ReadonlyMap<number, WorkerLife>;
  /** When the broker was struck. */
  readonly outages: readonly Interval[];
  readonly depths: readonly Depth[];
  readonly troubles: readonly string[];
  readonly stoppingAt: number;
  /** The most that the runner's own timers were late, in ms. */
  readonly lagMs: number;
}

/** Entries may come in any order. `torn`: lines cut off, at most one per process killed. Throws for a ledger without its first line. */
export function historyOf(entries: readonly Entry[], torn: readonly string[] = []): History {
  const builder = new Builder();
  // What others refer to comes first; the sort is stable.
  const rank = (entry: Entry): number => (entry.e === "worker" ? 0 : 1);
  for (const entry of entries.toSorted((a, b) => rank(a) - rank(b) || a.at - b.at)) builder.take(entry);
  return builder.done(torn);
}

class Builder {
  #facts: RunFacts | undefined;
  readonly #tasks = new Map<string, TaskHistory>();
  readonly #runs = new Map<string, Run>();
  readonly #runsOfUnknown = new Map<string, Run[]>();
  readonly #workers = new Map<number, WorkerLife>();
  readonly #open = new Map<number, Extract<Entry, { e: "fault" }>>();
  readonly #outages: Interval[] = [];
  readonly #depths: Depth[] = [];
  readonly #troubles: string[] = [];
  #stoppingAt = Number.POSITIVE_INFINITY;
  #lagMs = 0;
  #kills = 0;

  take(entry: Entry): void {
    switch (entry.e) {
      case "run":
        this.#facts = entry;
        return;
      case "publish":
        this.#task(entry).publications.push({ at: entry.at, dueAt: entry.dueAt });
        return;
      case "published": {
        const publication = this.#tasks.get(entry.id)?.publications.findLast(({ outcome }) => outcome === undefined);
        if (publication === undefined) this.#troubles.push(`${entry.id} was answered without being published`);
        else publication.outcome = entry;
        return;
      }
      case "start": {
        const worker = this.#workers.has(entry.pid) ? entry.pid : entry.parent;
        const run: Run = { ...entry, worker };
        this.#runs.set(entry.run, run);
        const known = this.#tasks.get(entry.id);
        if (known !== undefined) known.runs.push(run);
        else this.#runsOfUnknown.set(entry.id, [...(this.#runsOfUnknown.get(entry.id) ?? []), run]);
        return;
      }
      case "end": {
        const run = this.#runs.get(entry.run);
        if (run === undefined) this.#troubles.push(`run ${entry.run} of ${entry.id} ended without having begun`);
        else run.end = entry;
        return;
      }
      case "worker":
        this.#worker(entry);
        return;
      case "fault":
        this.#fault(entry);
        return;
      case "stopping":
        this.#stoppingAt = entry.at;
        return;
      case "lag":
        this.#lagMs = Math.max(this.#lagMs, entry.ms);
        return;
      case "dead": {
        const task = this.#tasks.get(entry.id);
        if (task === undefined) this.#troubles.push(`${entry.id} is in the dead letters and was never published`);
        else task.dead = entry;
        return;
      }
      case "depth":
        this.#depths.push(entry);
        return;
      case "left": {
        const { at, id, queue, attempt, deliveries } = entry;
        const task = this.#tasks.get(id);
        if (task === undefined) this.#troubles.push(`${id} is still in queue ${queue} and was never published`);
        else task.left.push({ run: `left in ${queue}`, at, attempt, deliveries, pid: 0, worker: 0 });
        return;
      }
      case "result": {
        const task = this.#tasks.get(entry.id);
        if (task !== undefined) task.result = { state: entry.state, value: entry.value };
        return;
      }
      case "trouble":
        this.#troubles.push(entry.what);
    }
  }

  done(torn: readonly string[]): History {
    const facts = this.#facts;
    if (facts === undefined) throw new Error("the ledger does not begin with the facts of its run");
    const crashes = [...this.#tasks.values()]
      .filter(({ kind }) => kind === "poison")
      .flatMap(({ runs }) => runs).length;
    if (torn.length > this.#kills + crashes)
      this.#troubles.push(`the ledger has ${torn.length} lines that are no entries, such as ${torn[0]?.slice(0, 200)}`);
    for (const begun of this.#open.values()) this.#struck(begun, Number.POSITIVE_INFINITY);
    if (facts.stopsAll) this.#outages.push(...this.#standstills());
    return {
      facts,
      tasks: this.#tasks,
      phantoms: [...this.#runsOfUnknown.values()].flat(),
      workers: this.#workers,
      outages: this.#outages,
      depths: this.#depths,
      troubles: this.#troubles,
      stoppingAt: this.#stoppingAt,
      lagMs: this.#lagMs,
    };
  }

  #standstills(): Interval[] {
    const stops = [...this.#workers.values()].flatMap(({ faults }) => faults.filter(({ kind }) => kind === "stop"));
    const alive = [...this.#tasks.values()].flatMap(({ runs, publications }) => [
      ...runs.map(({ at }) => at),
      ...publications.flatMap(({ outcome }) => (outcome === undefined ? [] : [outcome.at])),
    ]);
    return standstills(stops, alive);
  }

  #task({ id, index, kind }: Extract<Entry, { e: "publish" }>): TaskHistory {
    let task = this.#tasks.get(id);
    if (task === undefined) {
      // Its first run may be of the same millisecond as its publishing, and stand before it.
      task = { id, index, kind, publications: [], runs: this.#runsOfUnknown.get(id) ?? [], left: [] };
      this.#runsOfUnknown.delete(id);
      this.#tasks.set(id, task);
    }
    return task;
  }

  #worker({ what, pid, slot, at, code = null, signal = null }: Extract<Entry, { e: "worker" }>): void {
    if (what === "started") {
      this.#workers.set(pid, { slot, pid, startedAt: at, faults: [] });
      return;
    }
    const life = this.#workers.get(pid);
    if (life === undefined) this.#troubles.push(`worker ${pid} is ${what} and was never started`);
    else if (what === "ready") life.readyAt = at;
    else if (what === "hung") life.hung = true;
    else life.ended = { at, code, signal };
  }

  #fault(entry: Extract<Entry, { e: "fault" }>): void {
    if (entry.phase === "impossible") return;
    if (entry.phase === "begins") {
      if (entry.kind === "kill" || entry.kind === "producer") this.#kills++;
      this.#open.set(entry.number, entry);
      return;
    }
    const begun = this.#open.get(entry.number);
    this.#open.delete(entry.number);
    if (begun === undefined) this.#troubles.push(`fault ${entry.number} ended without having begun`);
    else this.#struck(begun, entry.at);
  }

  #struck({ kind, aims, pid, at: from }: Extract<Entry, { e: "fault" }>, to: number): void {
    if (aims === "broker") this.#outages.push({ kind, from, to });
    if (aims === "worker") this.#workers.get(pid ?? -1)?.faults.push({ kind, from, to });
  }
}
