import { BrokerClosedError, type Settlement } from "@lovage/core/contracts";
import type { Collector } from "./sqlite-gathering.ts";
import type { Operation, OperationMap } from "./sqlite-operations.ts";
import { type Ending, type Pending, pendingOf } from "./sqlite-pending.ts";
import type { SqliteStore } from "./sqlite-store.ts";

type Kind = "renew" | "lapse" | "markStarted" | "ack" | "release" | "requeue" | "deadLetter";
type Answer = (settlement: Settlement | undefined) => void;

/** What was asked of one kind and has not left yet. `Cell` is what the operation's input is a list of. */
class Kindred<Cell> implements Collector {
  readonly #kind: Kind;
  #input: Cell[] = [];
  #answers: Answer[] = [];
  #sent: (() => void)[] = [];

  constructor(kind: Kind) {
    this.#kind = kind;
  }

  get pending(): boolean {
    return this.#answers.length > 0;
  }

  /** `onSent` is called when it leaves: from then on it counts against no credit. */
  add(cells: readonly Cell[], onSent: (() => void) | undefined): Promise<Settlement> {
    for (const cell of cells) this.#input.push(cell);
    if (onSent !== undefined) this.#sent.push(onSent);
    return new Promise((resolve, reject) => {
      this.#answers.push((settlement) =>
        settlement === undefined ? reject(new BrokerClosedError()) : resolve(settlement),
      );
    });
  }

  collect(): Pending | undefined {
    if (this.#answers.length === 0) return undefined;
    const operation = { op: this.#kind, input: this.#input } as unknown as Operation;
    const answers = this.#answers;
    for (const sent of this.#sent) sent();
    this.#input = [];
    this.#answers = [];
    this.#sent = [];
    const ending: Ending<OperationMap[Kind]["out"]> = {
      patient: true,
      done: (codes) => {
        for (const [index, answer] of answers.entries()) answer(codes[index] === 1 ? "done" : "lost");
      },
      gaveUp: () => {},
      closed: () => {
        for (const answer of answers) answer(undefined);
      },
    };
    return pendingOf(operation, ending, Number.POSITIVE_INFINITY);
  }

  abandon(): void {
    for (const answer of this.#answers) answer(undefined);
    this.#input = [];
    this.#answers = [];
    this.#sent = [];
  }
}

/** The settlements of one broker, gathered by kind: each tick's leave as one operation per kind. */
export class Settlements {
  readonly #store: SqliteStore;
  readonly #renewals = new Kindred<number>("renew");
  readonly #starts = new Kindred<number>("markStarted");
  readonly #lapses = new Kindred<number>("lapse");
  readonly #acks = new Kindred<number>("ack");
  readonly #releases = new Kindred<OperationMap["release"]["in"][number]>("release");
  readonly #requeues = new Kindred<OperationMap["requeue"]["in"][number]>("requeue");
  readonly #deadLetters = new Kindred<OperationMap["deadLetter"]["in"][number]>("deadLetter");
  readonly #leave: (() => void)[];

  constructor(store: SqliteStore) {
    this.#store = store;
    this.#leave = this.#all.map((kindred) => store.addCollector(kindred));
  }

  renew(seq: number, token: number): Promise<Settlement> {
    this.#store.schedule();
    return this.#renewals.add([seq, token], undefined);
  }

  /** `lost` if the lease is over. */
  lapse(seq: number, token: number): Promise<Settlement> {
    this.#store.schedule();
    return this.#lapses.add([seq, token], undefined);
  }

  markStarted(seq: number, token: number): Promise<Settlement> {
    this.#store.schedule();
    return this.#starts.add([seq, token], undefined);
  }

  ack(seq: number, token: number, onSent: () => void): Promise<Settlement> {
    this.#store.schedule();
    return this.#acks.add([seq, token], onSent);
  }

  release(seq: number, token: number, marks: number, onSent: () => void): Promise<Settlement> {
    this.#store.schedule();
    return this.#releases.add([[seq, token, marks]], onSent);
  }

  requeue(
    seq: number,
    token: number,
    delayMs: number,
    headers: string | null,
    onSent: () => void,
  ): Promise<Settlement> {
    this.#store.schedule();
    return this.#requeues.add([[seq, token, delayMs, headers]], onSent);
  }

  deadLetter(
    seq: number,
    token: number,
    code: string,
    details: string | null,
    onSent: () => void,
  ): Promise<Settlement> {
    this.#store.schedule();
    return this.#deadLetters.add([[seq, token, code, details]], onSent);
  }

  /** The broker is closed: what has not left never will. */
  close(): void {
    for (const leave of this.#leave) leave();
    for (const kindred of this.#all) kindred.abandon();
  }

  /** Renewals before settlements: what is renewed and settled in one tick is settled while it is ours. */
  get #all(): readonly Kindred<never>[] {
    const all = [
      this.#renewals,
      this.#starts,
      this.#acks,
      this.#releases,
      this.#requeues,
      this.#deadLetters,
      this.#lapses,
    ];
    return all as unknown as readonly Kindred<never>[];
  }
}
