import {
  type BrokerCapabilities,
  BrokerClosedError,
  BrokerUnavailableError,
  type LovageError,
  type OutgoingMessage,
  type PublishOutcome,
  PublishOutcomeUnknownError,
  priorityInRange,
  QueueNotFoundError,
  refusal,
} from "@lovage/core/contracts";
import type { Answer, NatsLink } from "../connection/nats-link.ts";
import { apiError, errorOf, publishRefusal } from "../nats-errors.ts";
import type { Layout } from "../queues/nats-layout.ts";
import type { KnownQueue, Queues } from "../queues/nats-queues.ts";
import { type Copy, destination } from "./nats-destination.ts";
import { type Encoded, encode, type Travelling, tooLarge } from "./nats-envelope.ts";

type Verdict =
  | { readonly status: "accepted" | "duplicate" }
  | { readonly status: "refused" | "unknown"; readonly error: LovageError };

interface Sending extends Encoded {
  readonly queue: string;
  readonly subject: string;
  readonly id: string;
  readonly deadline: number;
  readonly settled: (verdict: Verdict) => void;
  readonly onPlace: ((seq: number) => void) | undefined;
  /** An earlier try may have been stored. */
  maybe: boolean;
  tries: number;
}

/** Published and not answered: more would only wait inside the server. */
const MOST_UNDER_WAY = 2_000;
const FIRST_WAIT_MS = 25;
const MOST_WAIT_MS = 200;

/** Stores copies of messages, many at once, each under a name by which a second try is recognised. */
export class Publisher {
  readonly #link: NatsLink;
  readonly #layout: Layout;
  readonly #queues: Queues;
  readonly #limits: Pick<BrokerCapabilities, "maxMessageBytes" | "maxDelayMs">;
  /** The clock of due times. */
  readonly now: () => number;
  #waiting: Sending[] = [];
  #underWay = 0;
  #idle: (() => void)[] = [];
  /** Calls that wait to learn of a queue: later ones stay behind them. */
  #behind: Promise<unknown> | undefined;

  constructor(
    link: NatsLink,
    layout: Layout,
    queues: Queues,
    limits: Pick<BrokerCapabilities, "maxMessageBytes" | "maxDelayMs">,
    now: () => number,
  ) {
    this.now = now;
    this.#link = link;
    this.#layout = layout;
    this.#queues = queues;
    this.#limits = limits;
  }

  /** One outcome per message; never rejects. */
  async publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
    const copies = messages.map(({ queue, dueAt, ...message }) => {
      const { body, headers, priority } = message;
      const kept = typeof body === "string" ? body : Buffer.from(body);
      return {
        queue,
        dueAt,
        id: message.id,
        message: { ...message, headers: { ...headers }, body: kept, priority: priorityInRange(priority) },
      };
    });
    const queues = new Set(copies.map(({ queue }) => queue));
    const unknown = [...queues].filter((queue) => this.#queues.known(queue) === undefined);
    const errors = new Map<string, LovageError>();
    if (unknown.length > 0 || this.#behind !== undefined) {
      const asked = unknown.map((queue) =>
        this.#queues.find(queue).catch((error: unknown) => errors.set(queue, errorOf(error))),
      );
      const mine = Promise.all([this.#behind, ...asked]);
      this.#behind = mine;
      await mine;
      if (this.#behind === mine) this.#behind = undefined;
    }
    return Promise.all(
      messages.map(async (original, index) => {
        const { queue, message, dueAt, id } = copies[index] as (typeof copies)[number];
        const known = this.#queues.known(queue);
        const error = refusal(original, this.#limits) ?? errors.get(queue);
        if (error !== undefined) return { id, status: "refused", error } as const;
        if (known === undefined) return { id, status: "refused", error: new QueueNotFoundError(queue) } as const;
        return { id, ...(await this.store(known, { message, dueAt }, id)) } as PublishOutcome;
      }),
    );
  }

  /** Stores one copy. `copyId`: two of one name are one, within the window. */
  store(known: KnownQueue, travelling: Travelling, copyId: string): Promise<Verdict> {
    const { message, dueAt } = travelling;
    const copy: Copy = { id: message.id, priority: message.priority, copyId, dueAt };
    const { subject, lines } = destination(this.#layout, known, copy, this.now());
    const encoded = encode(travelling, lines);
    const error = tooLarge(
      encoded,
      this.#link.connection.info?.max_payload ?? Number.POSITIVE_INFINITY,
      message,
      known.name,
    );
    if (error !== undefined) return Promise.resolve({ status: "refused", error });
    return this.storeAs(known.name, subject, encoded, message.id);
  }

  /** `onPlace`: called before it resolves with where in its stream it is, when it has been stored. */
  storeAs(
    queue: string,
    subject: string,
    encoded: Encoded,
    id: string,
    onPlace?: (seq: number) => void,
  ): Promise<Verdict> {
    return new Promise((settled) => {
      const deadline = performance.now() + this.#link.timeoutMs;
      this.#waiting.push({ ...encoded, queue, subject, id, deadline, settled, onPlace, maybe: false, tries: 0 });
      this.#pump();
    });
  }

  /** Everything published so far has an answer. */
  async settled(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #pump(): void {
    while (this.#underWay < MOST_UNDER_WAY && this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MOST_UNDER_WAY - this.#underWay);
      for (const sending of batch) this.#send(sending);
    }
  }

  #send(sending: Sending): void {
    this.#underWay += 1;
    const { subject, data, headers, deadline } = sending;
    const left = Math.max(1, deadline - performance.now());
    this.#link.ask(
      subject,
      data,
      headers,
      (answer, times) => {
        this.#underWay -= 1;
        this.#answered(sending, answer, times);
        this.#pump();
        if (this.#underWay === 0) for (const idle of this.#idle.splice(0)) idle();
      },
      left,
    );
  }

  #answered(sending: Sending, answer: Answer, times: number): void {
    // An earlier one of several was lost, or its answer was.
    sending.maybe ||= times > 1;
    if (typeof answer === "object") {
      const text = Buffer.from(answer.data).toString();
      if (!text.includes('"error"')) {
        const again = text.includes('"duplicate"');
        sending.onPlace?.(Number((JSON.parse(text) as { seq?: number }).seq));
        // Its own earlier try, as far as anybody can tell.
        sending.settled({ status: again && !sending.maybe ? "duplicate" : "accepted" });
        return;
      }
      const failure = apiError(answer);
      const error = failure && publishRefusal(failure, sending.queue);
      if (error !== undefined) sending.settled({ status: "refused", error });
      else this.#later(sending);
      return;
    }
    if (answer === "no-responders") this.#later(sending, () => this.#queues.repair(sending.queue));
    else {
      sending.maybe ||= times > 0;
      this.#giveUp(sending, answer === "closed" ? new BrokerClosedError() : this.#silent());
    }
  }

  /** Nobody could store it just now. */
  #later(sending: Sending, prepare?: () => Promise<boolean>): void {
    sending.tries += 1;
    const wait = Math.min(MOST_WAIT_MS, FIRST_WAIT_MS * 2 ** sending.tries);
    if (performance.now() + wait >= sending.deadline) {
      this.#giveUp(sending, this.#silent());
      return;
    }
    const again = async (): Promise<void> => {
      if (prepare !== undefined && !(await prepare())) {
        sending.settled({ status: "refused", error: new QueueNotFoundError(sending.queue) });
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
      this.#send(sending);
    };
    again().catch((error: unknown) => this.#giveUp(sending, errorOf(error)));
  }

  #giveUp(sending: Sending, error: LovageError): void {
    const { id, queue, maybe } = sending;
    if (maybe)
      sending.settled({
        status: "unknown",
        error: new PublishOutcomeUnknownError(id, { cause: error, subject: { queue } }),
      });
    else sending.settled({ status: "refused", error });
  }

  /** Why there was no answer. */
  #silent(): LovageError {
    return (
      this.#link.turnedAway ??
      new BrokerUnavailableError(`the server did not take it within ${this.#link.timeoutMs} ms`)
    );
  }
}
