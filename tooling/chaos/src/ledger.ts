/**
 * The ledger: one line of JSON per thing that happened, appended by every process of a run to one file. What was written before a
 * SIGKILL stays. A SIGKILL within a write may leave a part of a line, so each line also begins with a line break: the next writer's is
 * whole. Times are ms since the epoch by the one clock of this machine.
 */

import { openSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import type { BrokerCapabilities, PublishOutcome } from "@lovage/core/contracts";
import type { TaskKind } from "./plan.ts";
import type { RigKind } from "./rigs/rig.ts";

/** What the checker must know of the run; the first line. */
export interface RunFacts {
  readonly seed: number;
  readonly broker: string;
  readonly leaseMs: number;
  readonly graceMs: number;
  readonly ownership: BrokerCapabilities["ownership"];
  readonly delayResolutionMs: number;
  /** A delivery says how often its message was delivered; otherwise each says that it is the first. */
  readonly countsDeliveries: boolean;
  /** A run that begins this often without ending makes its message poison. */
  readonly maxStarts: number;
  /** Results are kept, and can be compared. */
  readonly results: boolean;
  /** Dead letters can be listed. */
  readonly browsesDead: boolean;
  /** Faults of the broker that may by themselves make work run again whose worker lives. */
  readonly excusing: readonly string[];
  /** A stopped process may hold what all others need: a time within its stop in which nobody got anything done was an outage. */
  readonly stopsAll: boolean;
  /** After so long without a word the server takes a connection for gone, in ms. */
  readonly silenceMs: number;
  /** How much of what was settled a killed server forgets, in ms. */
  readonly forgetsMs: number;
  /** How a message gets back into its queue: see the rig. */
  readonly requeue: RigKind["requeue"];
}

export type Entry =
  | ({ readonly e: "run"; readonly at: number } & RunFacts)
  /** About to be published. Without a `published` after it, nobody knows whether it was. */
  | {
      readonly e: "publish";
      readonly at: number;
      readonly id: string;
      readonly index: number;
      readonly kind: TaskKind;
      readonly dueAt?: number;
      readonly pid: number;
    }
  | {
      readonly e: "published";
      readonly at: number;
      readonly id: string;
      readonly index: number;
      readonly status: PublishOutcome["status"];
      readonly error?: string;
    }
  /** A run of a task begins: `run` is unique, `pid` the executor's process, `parent` the one that started that. */
  | {
      readonly e: "start";
      readonly at: number;
      readonly id: string;
      readonly run: string;
      readonly pid: number;
      readonly parent: number;
      readonly attempt: number;
      readonly deliveries: number;
    }
  | {
      readonly e: "end";
      readonly at: number;
      readonly id: string;
      readonly run: string;
      readonly how: "returned" | "threw";
    }
  | {
      readonly e: "worker";
      readonly at: number;
      readonly slot: number;
      readonly pid: number;
      readonly what: "started" | "ready" | "ended" | "hung";
      readonly code?: number | null;
      readonly signal?: string | null;
    }
  /** In force between `begins` and `ends`. `pid`: whom it struck. */
  | {
      readonly e: "fault";
      readonly at: number;
      readonly number: number;
      readonly kind: string;
      readonly aims: "worker" | "producer" | "broker";
      readonly phase: "begins" | "ends" | "impossible";
      readonly pid?: number;
      readonly why?: string;
    }
  /** The runner asks all workers to end: whatever they do from here on is orderly. */
  | { readonly e: "stopping"; readonly at: number }
  /** The runner's own timers were late by so much: what the machine, not Lovage, adds to every time. */
  | { readonly e: "lag"; readonly at: number; readonly ms: number }
  | { readonly e: "dead"; readonly at: number; readonly id: string; readonly queue: string; readonly code: string }
  | {
      readonly e: "depth";
      readonly at: number;
      readonly queue: string;
      readonly ready?: number;
      readonly delayed?: number;
      readonly owned?: number;
      readonly dead?: number;
    }
  /** Still in a queue when all workers had ended. */
  | {
      readonly e: "left";
      readonly at: number;
      readonly id: string;
      readonly queue: string;
      readonly attempt: number;
      readonly deliveries: number;
    }
  | { readonly e: "result"; readonly at: number; readonly id: string; readonly state?: string; readonly value?: string }
  /** Something the runner itself noticed that must not be: a process left behind, a command that failed. */
  | { readonly e: "trouble"; readonly at: number; readonly what: string };

export class LedgerWriter {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, "a");
  }

  append(...entries: readonly Entry[]): void {
    writeSync(this.#file, entries.map((entry) => `\n${JSON.stringify(entry)}\n`).join(""));
  }
}

const PIECE_BYTES = 1 << 20;

/** Reads on from where it last stopped; a line that is still being written is left for the next time. */
export class LedgerReader {
  /** Lines that a SIGKILL cut off: what they tell of was about to happen, and did not. */
  readonly torn: string[] = [];
  readonly #path: string;
  #offset = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** What was appended since the last call. */
  async read(): Promise<Entry[]> {
    const file = await open(this.#path, "r");
    const entries: Entry[] = [];
    try {
      for (let rest = Buffer.alloc(0); ; ) {
        const piece = Buffer.alloc(PIECE_BYTES);
        const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, this.#offset + rest.length);
        if (bytesRead === 0) return entries;
        const bytes = Buffer.concat([rest, piece.subarray(0, bytesRead)]);
        const end = bytes.lastIndexOf(10) + 1;
        for (const line of bytes.subarray(0, end).toString("utf8").split("\n")) this.#take(line, entries);
        this.#offset += end;
        rest = bytes.subarray(end);
      }
    } finally {
      await file.close();
    }
  }

  #take(line: string, entries: Entry[]): void {
    if (line === "") return;
    try {
      entries.push(JSON.parse(line) as Entry);
    } catch {
      this.torn.push(line);
    }
  }
}
