import {
  BrokerClosedError,
  isLovageError,
  type LovageError,
  type OutgoingMessage,
  type Publisher,
  type PublishOutcome,
  PublishOutcomeUnknownError,
  PublishRefusedError,
  QueueNotFoundError,
  refusal,
} from "@lovage/core/contracts";
import { envelopeOf } from "./redis-envelope.ts";
import { LinkError } from "./redis-errors.ts";
import type { Layout } from "./redis-layout.ts";
import type { RedisLink } from "./redis-link.ts";
import { PUBLISH } from "./scripts/publish.ts";

/** Of one script: more messages, or more characters, go into the next one. */
const MOST = 500;
const MOST_CHARACTERS = 2 * 1024 * 1024;

export interface PublisherHost {
  readonly layout: Layout;
  readonly limits: { readonly maxMessageBytes: number; readonly maxDelayMs: number };
  readonly operationTimeoutMs: number;
  /** Of `replicated` durability: how many replicas must have it. 0: none is asked. */
  readonly replicas: number;
  /** Where messages of a queue are sent to. */
  linkFor(queue: string): RedisLink;
  now(): number;
}

/** One call of `publish`. */
interface Call {
  readonly outcomes: PublishOutcome[];
  readonly resolve: (outcomes: readonly PublishOutcome[]) => void;
  left: number;
}

/** Messages of one queue that leave as one script. */
class Batch {
  readonly queue: string;
  readonly ready: string[] = [];
  readonly delayed: (string | number)[] = [];
  readonly readyCalls: Call[] = [];
  readonly readyPlaces: number[] = [];
  readonly delayedCalls: Call[] = [];
  readonly delayedPlaces: number[] = [];
  characters = 0;

  constructor(queue: string) {
    this.queue = queue;
  }

  get count(): number {
    return this.readyCalls.length + this.delayedCalls.length;
  }

  add(id: string, envelope: string, delayMs: number, call: Call, place: number): void {
    this.characters += envelope.length;
    if (delayMs > 0) {
      this.delayed.push(id, envelope, delayMs);
      this.delayedCalls.push(call);
      this.delayedPlaces.push(place);
    } else {
      this.ready.push(id, envelope);
      this.readyCalls.push(call);
      this.readyPlaces.push(place);
    }
  }

  /** Says of each message what became of it. */
  tell(outcome: (id: string, position: number) => PublishOutcome): void {
    const ready = this.readyCalls.length;
    for (const [index, call] of this.readyCalls.entries()) {
      tell(call, this.readyPlaces[index] as number, outcome(this.ready[2 * index] as string, index));
    }
    for (const [index, call] of this.delayedCalls.entries()) {
      tell(call, this.delayedPlaces[index] as number, outcome(this.delayed[3 * index] as string, ready + index));
    }
  }
}

function tell(call: Call, place: number, outcome: PublishOutcome): void {
  call.outcomes[place] = outcome;
  call.left -= 1;
  if (call.left === 0) call.resolve(call.outcomes);
}

/** What one tick publishes leaves as one script per queue, in order. */
export class RedisPublisher implements Publisher {
  readonly #host: PublisherHost;
  readonly #batches = new Map<string, Batch>();
  readonly #underWay = new Set<Promise<void>>();
  #flush: NodeJS.Immediate | undefined;

  constructor(host: PublisherHost) {
    this.#host = host;
  }

  publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
    if (messages.length === 0) return Promise.resolve([]);
    return new Promise((resolve) => {
      const call: Call = { outcomes: new Array(messages.length), resolve, left: messages.length };
      for (const [place, message] of messages.entries()) this.#add(message, call, place);
    });
  }

  /** Sends what was asked before, and resolves when all of it is answered. */
  async settled(): Promise<void> {
    this.#send();
    await Promise.all(this.#underWay);
  }

  #add(message: OutgoingMessage, call: Call, place: number): void {
    const { id, queue, dueAt } = message;
    const now = this.#host.now();
    const refused = (error: LovageError): void => tell(call, place, { id, status: "refused", error });
    const error = refusal(message, this.#host.limits, now);
    if (error !== undefined) {
      refused(error);
      return;
    }
    let envelope: string;
    try {
      envelope = envelopeOf(message);
    } catch (cause) {
      refused(new PublishRefusedError("its headers are not scalars", { cause, subject: { queue } }));
      return;
    }
    let batch = this.#batches.get(queue);
    if (batch === undefined) {
      batch = new Batch(queue);
      this.#batches.set(queue, batch);
      this.#flush ??= setImmediate(() => this.#send());
    }
    batch.add(id, envelope, dueAt === undefined ? 0 : dueAt - now, call, place);
    if (batch.count >= MOST || batch.characters >= MOST_CHARACTERS) {
      this.#batches.delete(queue);
      this.#start(batch);
    }
  }

  #send(): void {
    clearImmediate(this.#flush);
    this.#flush = undefined;
    const batches = [...this.#batches.values()];
    this.#batches.clear();
    for (const batch of batches) this.#start(batch);
  }

  #start(batch: Batch): void {
    const sent = this.#store(batch).finally(() => this.#underWay.delete(sent));
    this.#underWay.add(sent);
  }

  async #store(batch: Batch): Promise<void> {
    const { queue, ready, delayed } = batch;
    const { layout, operationTimeoutMs, replicas } = this.#host;
    const keys = layout.queue(queue);
    const names = PUBLISH.keys.map((key) => keys[key]);
    const link = this.#host.linkFor(queue);
    try {
      if (link.connection === undefined) await link.whenUp(operationTimeoutMs);
      const args = [batch.readyCalls.length, batch.delayedCalls.length, ...ready, ...delayed];
      const duplicates = (await link.run(PUBLISH, names, args)) as readonly number[] | null;
      if (duplicates === null) {
        const error = new QueueNotFoundError(queue);
        batch.tell((id) => ({ id, status: "refused", error }));
        return;
      }
      if (replicas > 0) await this.#replicated(link);
      const known = duplicates.length === 0 ? undefined : new Set(duplicates);
      batch.tell((id, position) => ({ id, status: known?.has(position) ? "duplicate" : "accepted" }));
    } catch (error) {
      batch.tell((id) => notStored(id, error));
    }
  }

  async #replicated(link: RedisLink): Promise<void> {
    const { replicas, operationTimeoutMs } = this.#host;
    const have = Number(await link.call("wait", [replicas, Math.ceil(operationTimeoutMs / 2)]));
    if (have >= replicas) return;
    throw new LinkError(`${have} of ${replicas} replicas have it in time`, { maybeDone: true });
  }
}

function notStored(id: string, thrown: unknown): PublishOutcome {
  if (thrown instanceof LinkError && thrown.maybeDone) {
    return { id, status: "unknown", error: new PublishOutcomeUnknownError(id, { cause: thrown }) };
  }
  const error = isLovageError(thrown) ? thrown : new BrokerClosedError();
  return { id, status: "refused", error };
}
