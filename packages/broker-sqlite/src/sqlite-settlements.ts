import { byKind, type DeliveryRequest, Gathering, type RequestSink } from "@lovage/core/brokers";
import type { Collector } from "./sqlite-gathering.ts";
import type { Operation } from "./sqlite-operations.ts";
import { type Ending, type Pending, pendingOf } from "./sqlite-pending.ts";
import type { SqliteStore } from "./sqlite-store.ts";

/** What makes a row ours: the token is the fence. */
export interface SqliteClaim {
  readonly seq: number;
  readonly token: number;
}

type Request = DeliveryRequest<SqliteClaim>;

/** What deliveries ask, until it leaves: each batch of the store takes what has gathered, as one operation per kind. */
export class Settlements implements RequestSink<SqliteClaim>, Collector {
  readonly #store: SqliteStore;
  readonly #gathering: Gathering<SqliteClaim>;
  readonly #leave: () => void;

  constructor(store: SqliteStore) {
    this.#store = store;
    this.#gathering = new Gathering(() => store.schedule());
    this.#leave = store.addCollector(this);
  }

  ask(request: Request): void {
    this.#gathering.ask(request);
  }

  get pending(): boolean {
    return this.#gathering.pending;
  }

  collect(): readonly Pending[] {
    const { renew, markStarted, ack, release, requeue, deadLetter, checkLease } = byKind(this.#gathering.take());
    const pending: Pending[] = [];
    const add = (requests: readonly Request[], operation: () => Operation): void => {
      if (requests.length > 0) pending.push(pendingOf(operation(), endingOf(requests), Number.POSITIVE_INFINITY));
    };
    add(renew, () => ({ op: "renew", input: claims(renew) }));
    add(markStarted, () => ({ op: "markStarted", input: claims(markStarted) }));
    add(ack, () => ({ op: "ack", input: claims(ack) }));
    add(release, () => ({
      op: "release",
      input: release.map(({ claim: { seq, token }, marks }) => [seq, token, marks] as const),
    }));
    add(requeue, () => ({
      op: "requeue",
      input: requeue.map(({ claim: { seq, token }, delayMs, headers }) => {
        return [seq, token, delayMs, headers === undefined ? null : JSON.stringify(headers)] as const;
      }),
    }));
    add(deadLetter, () => ({
      op: "deadLetter",
      input: deadLetter.map(({ claim: { seq, token }, reason: { code, details = null } }) => {
        return [seq, token, code, details] as const;
      }),
    }));
    add(checkLease, () => ({ op: "lapse", input: claims(checkLease) }));
    return pending;
  }

  async close(ms: number): Promise<void> {
    await this.#store.settled(ms);
    this.#leave();
    this.#gathering.close();
  }
}

function claims(requests: readonly Request[]): number[] {
  const flat: number[] = [];
  for (const { claim } of requests) flat.push(claim.seq, claim.token);
  return flat;
}

function endingOf(requests: readonly Request[]): Ending<number[]> {
  return {
    patient: true,
    done: (codes) => {
      for (const [index, request] of requests.entries()) request.answer(codes[index] === 1 ? "done" : "lost");
    },
    gaveUp: () => {},
    closed: () => {
      for (const request of requests) request.abandon();
    },
  };
}
