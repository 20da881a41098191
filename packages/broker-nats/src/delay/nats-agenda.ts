/** What is due soon, by instants. Pure. */

const TICK_MS = 50;

export interface Due {
  readonly queue: string;
  readonly subject: string;
}

/** Gives nothing before its time, and everything within a tick after it. */
export class Agenda {
  readonly #ticks = new Map<number, Map<string, Due>>();

  get size(): number {
    let size = 0;
    for (const tick of this.#ticks.values()) size += tick.size;
    return size;
  }

  /** The same subject twice is once. */
  add(due: Due, dueAt: number): void {
    const tick = Math.ceil(dueAt / TICK_MS);
    const there = this.#ticks.get(tick);
    if (there === undefined) this.#ticks.set(tick, new Map([[due.subject, due]]));
    else there.set(due.subject, due);
  }

  /** Everything due at `now`, in the order of the instants; it is no longer here afterwards. */
  take(now: number): readonly Due[] {
    const ticks = [...this.#ticks.keys()].filter((tick) => tick * TICK_MS <= now).sort((a, b) => a - b);
    return ticks.flatMap((tick) => {
      const dues = [...(this.#ticks.get(tick) as Map<string, Due>).values()];
      this.#ticks.delete(tick);
      return dues;
    });
  }

  /** When {@link take} gives something next. */
  get next(): number | undefined {
    let first: number | undefined;
    for (const tick of this.#ticks.keys()) if (first === undefined || tick < first) first = tick;
    return first === undefined ? undefined : first * TICK_MS;
  }

  clear(): void {
    this.#ticks.clear();
  }
}
