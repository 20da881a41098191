/** Which faults come when: a function of the seed and the shape of the run, nothing else. */

import { Random } from "./random.ts";

export interface FaultKind {
  readonly name: string;
  /** What it strikes: one worker, one producer, or the broker that all share. */
  readonly aims: "worker" | "producer" | "broker";
  /** How long it lasts, least and most, in ms: a stop until it goes on, a killed process until the next is started, a broker's fault until it ends. */
  readonly forMs: readonly [number, number];
  /** What it does, for people. */
  readonly does: string;
}

export interface Fault {
  readonly number: number;
  /** From the moment when all workers are ready. */
  readonly atMs: number;
  readonly kind: string;
  readonly aims: FaultKind["aims"];
  /** Which worker or producer, from 0; 0 for the broker. */
  readonly target: number;
  readonly forMs: number;
}

export interface ScheduleRequest {
  readonly seed: number;
  readonly kinds: readonly FaultKind[];
  /** No fault begins later than this. */
  readonly durationMs: number;
  /** The mean time between faults. */
  readonly everyMs: number;
  readonly workers: number;
  readonly producers: number;
}

const FIRST_AT_MS = 500;
/** A target is left alone for so long after a fault, so that each can be told from the next. */
const RECOVERY_MS = 1_500;

/**
 * Kinds come from a bag that is refilled when it is empty, so that each comes about as often as the others. A target that is still
 * struck is spared; where all are, that fault is left out.
 */
export function schedule(request: ScheduleRequest): Fault[] {
  const { kinds, durationMs, everyMs } = request;
  if (kinds.length === 0) return [];
  const random = new Random(`${request.seed}/faults`);
  const busyUntil = new Map<string, number>();
  const faults: Fault[] = [];
  let bag: FaultKind[] = [];
  for (let atMs = FIRST_AT_MS; atMs <= durationMs; atMs += random.between(everyMs * 0.4, everyMs * 1.6)) {
    if (bag.length === 0) bag = random.shuffled(kinds);
    const kind = bag.pop() as FaultKind;
    const count = kind.aims === "worker" ? request.workers : kind.aims === "producer" ? request.producers : 1;
    const forMs = random.between(...kind.forMs);
    const targets = random.shuffled(Array.from({ length: count }, (_, index) => index));
    const target = targets.find((index) => (busyUntil.get(`${kind.aims}/${index}`) ?? 0) <= atMs);
    if (target === undefined) continue;
    busyUntil.set(`${kind.aims}/${target}`, atMs + forMs + RECOVERY_MS);
    faults.push({ number: faults.length + 1, atMs, kind: kind.name, aims: kind.aims, target, forMs });
  }
  return faults;
}

export function printedSchedule(faults: readonly Fault[]): string {
  const lines = faults.map(({ number, atMs, kind, aims, target, forMs }) => {
    const whom = aims === "broker" ? "the broker" : `${aims} ${target}`;
    return `  ${String(number).padStart(3)}  ${(atMs / 1_000).toFixed(2).padStart(7)} s  ${kind.padEnd(10)} ${whom.padEnd(10)} ${String(forMs).padStart(6)} ms`;
  });
  return ["faults:", ...(lines.length === 0 ? ["  none"] : lines)].join("\n");
}
