/** What the same load would have cost in the wrong pool: arithmetic on what was measured, not another run. */

export interface Load {
  readonly fetches: number;
  /** Mean time that a fetch occupies a slot, in ms. */
  readonly fetchMs: number;
  readonly indexings: number;
  /** Mean time that an indexing occupies a process, in ms. */
  readonly indexMs: number;
  /** Mean processor time of one indexing, in ms. */
  readonly indexCpuMs: number;
  readonly slots: number;
  readonly processes: number;
  /** Proportional memory of one process of the process pool, in bytes; undefined where the system does not tell. */
  readonly processBytes: number | undefined;
}

export interface Estimate {
  readonly choice: string;
  readonly ms: number;
  /** Memory of the executors that the choice needs, in bytes; undefined where none is added or it is not known. */
  readonly bytes: number | undefined;
  readonly price: string;
}

/** N tasks of t ms, c at a time, take N·t/c. */
export function makespanMs(tasks: number, taskMs: number, atOnce: number): number {
  return (tasks * taskMs) / Math.min(atOnce, Math.max(tasks, 1));
}

/** The choices that a worker with one pool leaves. */
export function wrongPools(load: Load): Estimate[] {
  const fetching = makespanMs(load.fetches, load.fetchMs, load.processes);
  const computing = makespanMs(load.indexings, load.indexMs, load.processes);
  const onOneLoop = makespanMs(load.indexings, load.indexCpuMs, 1);
  return [
    {
      choice: `all in ${load.processes} processes`,
      ms: fetching + computing,
      bytes: timesOrUnknown(load.processes, load.processBytes),
      price: "each process waits for one document at a time",
    },
    {
      choice: `all in ${load.slots} processes`,
      ms: Math.max(makespanMs(load.fetches, load.fetchMs, load.slots), computing),
      bytes: timesOrUnknown(load.slots, load.processBytes),
      price: "as many wait at once, for one process each",
    },
    {
      choice: "all on one event loop",
      ms: onOneLoop,
      bytes: undefined,
      price: `one core, if it has one to itself; no response is read for ${load.indexCpuMs.toFixed(0)} ms at a time`,
    },
  ];
}

function timesOrUnknown(count: number, bytes: number | undefined): number | undefined {
  return bytes === undefined ? undefined : count * bytes;
}
