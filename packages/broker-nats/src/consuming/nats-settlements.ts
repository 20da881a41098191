import { type DeliveryRequest, type RequestKind, type RequestOf, Sender } from "@lovage/core/brokers";
import type { Settlement } from "@lovage/core/contracts";
import type { Done } from "../aftermath/nats-done.ts";
import type { NatsLink } from "../connection/nats-link.ts";
import { encode } from "../publishing/nats-envelope.ts";
import type { Publisher } from "../publishing/nats-publisher.ts";
import type { Layout } from "../queues/nats-layout.ts";
import type { Queues } from "../queues/nats-queues.ts";
import type { Streams } from "../queues/nats-streams.ts";
import { ackFacts } from "./nats-acks.ts";
import type { DeadPulls } from "./nats-dead-pulls.ts";
import { removeAcked } from "./nats-removal.ts";

/** Where a delivery is answered, and which stored message it is. */
export interface NatsClaim {
  readonly reply: string;
  readonly seq: number;
}

type Request = DeliveryRequest<NatsClaim>;
type Replacing = RequestOf<NatsClaim, "release" | "requeue" | "deadLetter">;
/** Undefined: it is not known what came of it, and it is asked again. */
type Answered = (settlement: Settlement | undefined) => void;

const MOST_MARGIN_MS = 500;
const MOST_UNDER_WAY = 32;
/** The link asks twice within it. */
const MOST_SILENCE_MS = 3_000;

export interface Standing {
  /** Of the lease, by our own clock. */
  readonly leftMs: number;
  readonly leaseMs: number;
  /** The broker closes and gives it back. */
  readonly surrendered: boolean;
}

/**
 * What is done about a request. This server does not ask whose a message is, so nothing leaves for a delivery whose lease is over by our own
 * clock; and nothing that could take it from its next holder when it is nearly over (a tenth of it is left, or half a second), for it might
 * reach the server too late. An ack may: the work is done, and that is all it says.
 */
export function nextStep(
  kind: RequestKind,
  { leftMs, leaseMs, surrendered }: Standing,
): Settlement | "+ACK" | "+WPI" | "-NAK" | "replace" {
  if (kind === "markStarted") return "done";
  if (leftMs <= 0) return "lost";
  if (kind === "checkLease") return "done";
  if (kind === "ack") return "+ACK";
  // At once, in front of the others; counted as ready when somebody takes it.
  if (kind === "release" && surrendered) return "-NAK";
  if (leftMs <= Math.min(MOST_MARGIN_MS, leaseMs / 10)) return "lost";
  return kind === "renew" ? "+WPI" : "replace";
}

export interface SettlementsOptions {
  readonly link: NatsLink;
  readonly layout: Layout;
  readonly streams: Streams;
  readonly queues: Queues;
  readonly publisher: Publisher;
  readonly deadPulls: DeadPulls;
  readonly done: Done;
}

/** Settles with confirmed acks, many at once. */
export class Settlements {
  readonly sender: Sender<NatsClaim>;
  readonly #link: NatsLink;
  readonly #layout: Layout;
  readonly #streams: Streams;
  readonly #queues: Queues;
  readonly #publisher: Publisher;
  readonly #deadPulls: DeadPulls;
  readonly #done: Done;

  constructor({ link, layout, streams, queues, publisher, deadPulls, done }: SettlementsOptions) {
    this.#link = link;
    this.#layout = layout;
    this.#streams = streams;
    this.#queues = queues;
    this.#publisher = publisher;
    this.#deadPulls = deadPulls;
    this.#done = done;
    this.sender = new Sender({ settle: (requests) => this.#settleAll(requests), maxUnderWay: MOST_UNDER_WAY });
  }

  #settleAll(requests: readonly Request[]): Promise<void> {
    return new Promise((resolve) => {
      let left = requests.length;
      const answered = (request: Request, settlement: Settlement | undefined): void => {
        if (settlement !== undefined) request.answer(settlement);
        if (--left === 0) resolve();
      };
      for (const request of requests) this.#settle(request, (settlement) => answered(request, settlement));
    });
  }

  #settle(request: Request, done: Answered): void {
    const { delivery } = request;
    const { leaseMs } = this.#queues.known(delivery.queue)?.settings ?? { leaseMs: 0 };
    const leftMs = (delivery.leaseExpiresAt ?? 0) - Date.now();
    const step = nextStep(request.kind, { leftMs, leaseMs, surrendered: delivery.isLost });
    if (step === "done" || step === "lost") done(step);
    else if (step === "replace") this.#replaceAndAck(request as Replacing, done);
    else this.#say(request, step, done);
  }

  #replaceAndAck(request: Replacing, done: Answered): void {
    this.#replace(request).then(
      (stored) => {
        if (stored === "stored") this.#say(request, "+ACK", done);
        else if (stored === "no-room" && request.kind === "release") this.#say(request, "-NAK", done);
        else done(stored === "no-queue" ? "lost" : undefined);
      },
      () => done(undefined),
    );
  }

  /** Another copy first, then the old one goes: at every instant there is at least one. A second try finds the first by its name. */
  async #replace(request: Replacing): Promise<"stored" | "no-room" | "no-queue" | "unknown"> {
    const { delivery, claim } = request;
    const { message, queue, deliveryCount = 1 } = delivery;
    const known = this.#queues.known(queue);
    if (known === undefined) return "no-queue";
    const copyId = `${message.id}:${request.kind}:${claim.seq}`;
    if (request.kind === "deadLetter") {
      if (known.settings.maxDead === 0) return "stored";
      const { code, details = null } = request.reason;
      const dead = [code, details, Date.now()] as const;
      const encoded = encode({ message, handedOver: deliveryCount, dead }, { "Nats-Msg-Id": copyId });
      return outcome(await this.#publisher.storeAs(queue, this.#layout.dead(queue, message.id), encoded, message.id));
    }
    if (request.kind === "release") {
      return outcome(await this.#publisher.store(known, { message, handedOver: deliveryCount }, copyId));
    }
    const { delayMs, headers = message.headers } = request;
    const dueAt = delayMs > 0 ? this.#publisher.now() + delayMs : undefined;
    return outcome(await this.#publisher.store(known, { message: { ...message, headers }, dueAt }, copyId));
  }

  #say(request: Request, word: string, done: Answered): void {
    const { claim } = request;
    if (word === "-NAK") this.#deadPulls.drop(ackFacts(claim.reply));
    const ack = word === "+ACK";
    // What is asked because of an answer that does not come has its time as well.
    const timeoutMs = ack ? Math.min(MOST_SILENCE_MS, this.#link.timeoutMs / 3) : undefined;
    this.#link.ask(
      claim.reply,
      word,
      undefined,
      (answer, times) => {
        if (typeof answer === "object") {
          if (ack) this.#done.acked(request.delivery.queue, claim);
          done("done");
        } else if (answer === "no-responders") this.#mend(request, ack, done);
        else if (ack && answer === "late" && times > 0) this.#remove(request, done);
        else done(undefined);
      },
      timeoutMs,
    );
  }

  /** Its consumer is gone. One made anew of the same name hears what is said of what the old one gave out. */
  #mend(request: Request, ack: boolean, done: Answered): void {
    this.#queues.repair(request.delivery.queue).then(
      (exists) => {
        if (!exists) done("lost");
        else if (ack) this.#remove(request, done);
        else done(undefined);
      },
      () => done(undefined),
    );
  }

  #remove({ delivery, claim }: Request, done: Answered): void {
    const stream = this.#layout.readyStream(delivery.queue);
    removeAcked(this.#streams, stream, claim, this.#link.timeoutMs / 3).then(
      (settlement) => {
        // The consumer may have given it out meanwhile, to nobody: it would count as owned until a lease is over.
        if (settlement === "done") this.#link.say(claim.reply, "+ACK");
        done(settlement);
      },
      () => done(undefined),
    );
  }
}

function outcome(verdict: Awaited<ReturnType<Publisher["store"]>>): "stored" | "no-room" | "no-queue" | "unknown" {
  if (!("error" in verdict)) return "stored";
  if (verdict.error.code === "QUEUE_NOT_FOUND") return "no-queue";
  return verdict.status === "refused" ? "no-room" : "unknown";
}
