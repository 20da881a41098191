/** When somebody could have worked: a worker ready and not struck, and the broker not struck either. */

import type { History, WorkerLife } from "./history.ts";

type Span = readonly [from: number, to: number];

export class Availability {
  readonly #spans: readonly Span[];
  readonly #outages: readonly Span[];

  constructor({ workers, outages }: Pick<History, "workers" | "outages">) {
    const served = [...workers.values()].flatMap(servingSpans);
    this.#outages = merged(outages.map(({ from, to }) => [from, to] as const));
    this.#spans = without(merged(served), this.#outages);
  }

  /** How many ms of a time somebody could have worked. */
  between(from: number, to: number): number {
    let ms = 0;
    for (const [begins, ends] of this.#spans) ms += Math.max(0, Math.min(to, ends) - Math.max(from, begins));
    return ms;
  }

  /** How many ms of a time the broker was struck. */
  outageBetween(from: number, to: number): number {
    let ms = 0;
    for (const [begins, ends] of this.#outages) ms += Math.max(0, Math.min(to, ends) - Math.max(from, begins));
    return ms;
  }
}

function servingSpans(life: WorkerLife): Span[] {
  if (life.readyAt === undefined) return [];
  const whole: Span = [life.readyAt, life.ended?.at ?? Number.POSITIVE_INFINITY];
  return without(
    [whole],
    merged(life.faults.map(({ kind, from, to }) => [from, kind === "stop" ? to : Number.POSITIVE_INFINITY] as const)),
  );
}

function merged(spans: readonly Span[]): Span[] {
  const result: [number, number][] = [];
  for (const [from, to] of spans.toSorted((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else result.push([from, to]);
  }
  return result;
}

/** Both in order and without overlaps. */
function without(spans: readonly Span[], holes: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const [begins, ends] of spans) {
    let from = begins;
    for (const [holeFrom, holeTo] of holes) {
      if (holeTo <= from || holeFrom >= ends) continue;
      if (holeFrom > from) result.push([from, holeFrom]);
      from = Math.max(from, holeTo);
    }
    if (from < ends) result.push([from, ends]);
  }
  return result;
}
