import {
  BrokerClosedError,
  type OutgoingMessage,
  type Publisher,
  type PublishOutcome,
  PublishRefusedError,
} from "@lovage/core/contracts";
import { errorOf, unknownOutcome } from "./sqlite-errors.ts";
import type { Fault, PublishColumns } from "./sqlite-operations.ts";
import { addMessage, noColumns, outcomeOf, type PublishLimits, refusal } from "./sqlite-publishing.ts";
import type { Asked, SqliteStore } from "./sqlite-store.ts";

/** Calls that leave as one operation: where each one's codes begin, and how it is told. */
interface Gathering {
  readonly columns: PublishColumns;
  readonly calls: Call[];
  asked: Asked | undefined;
}

interface Call {
  /** What became of the message at this place among the gathered ones. */
  stored(codes: readonly number[]): void;
  gaveUp(fault: Fault): void;
  closed(): void;
}

/** Publishing: calls that follow each other in one tick leave as one operation, so that a thousand single ones cost little more than one of a thousand. */
export class SqlitePublisher implements Publisher {
  readonly #store: SqliteStore;
  readonly #limits: PublishLimits;
  readonly #maxBytes: number | undefined;
  #gathering: Gathering | undefined;

  constructor(store: SqliteStore, limits: PublishLimits, maxBytes: number | undefined) {
    this.#store = store;
    this.#limits = limits;
    this.#maxBytes = maxBytes;
  }

  publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
    const outcomes: PublishOutcome[] = new Array(messages.length);
    const sent: number[] = [];
    const { columns, calls } = this.#open();
    const from = columns.ids.length;
    for (const [index, message] of messages.entries()) {
      const error = refusal(message, this.#limits) ?? add(columns, message);
      if (error === undefined) sent.push(index);
      else outcomes[index] = { id: message.id, status: "refused", error };
    }
    if (sent.length === 0) return Promise.resolve(outcomes);
    const { path } = this.#store.settings;
    return new Promise((resolve, reject) => {
      const tell = (outcome: (message: OutgoingMessage, place: number) => PublishOutcome): void => {
        for (const [place, index] of sent.entries()) {
          outcomes[index] = outcome(messages[index] as OutgoingMessage, from + place);
        }
        resolve(outcomes);
      };
      calls.push({
        stored: (codes) => tell((message, place) => outcomeOf(message, codes[place], path)),
        gaveUp: (fault) => tell((message) => notStored(message, fault, path)),
        closed: () => reject(new BrokerClosedError()),
      });
      this.#ask();
    });
  }

  /** The gathering that is still the last thing asked; else a new one, so that nothing overtakes what was asked before. */
  #open(): Gathering {
    const current = this.#gathering;
    if (current?.asked !== undefined && this.#store.isLast(current.asked)) return current;
    this.#gathering = { columns: noColumns(), calls: [], asked: undefined };
    return this.#gathering;
  }

  #ask(): void {
    const gathering = this.#gathering as Gathering;
    if (gathering.asked !== undefined) return;
    const { columns, calls } = gathering;
    gathering.asked = this.#store.ask(
      "publish",
      { ...columns, maxBytes: this.#maxBytes },
      {
        done: (codes) => {
          for (const call of calls) call.stored(codes);
        },
        gaveUp: (fault) => {
          for (const call of calls) call.gaveUp(fault);
        },
        closed: () => {
          for (const call of calls) call.closed();
        },
      },
    );
  }
}

function add(columns: PublishColumns, message: OutgoingMessage): PublishRefusedError | undefined {
  try {
    addMessage(columns, message);
    return undefined;
  } catch (cause) {
    const { queue } = message;
    return new PublishRefusedError("its headers are not scalars, which JSON cannot carry", {
      cause,
      subject: { queue },
    });
  }
}

function notStored(message: OutgoingMessage, fault: Fault, path: string): PublishOutcome {
  const { id } = message;
  if (fault.maybeDone === true) return { id, status: "unknown", error: unknownOutcome(id, fault, path) };
  return { id, status: "refused", error: errorOf(fault, path) };
}
