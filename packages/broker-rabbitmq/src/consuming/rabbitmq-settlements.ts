import { type DeliveryRequest, Sender } from "@lovage/core/brokers";
import { deadMark, envelope } from "../publishing/rabbitmq-envelope.ts";
import type { Fate } from "../publishing/rabbitmq-publisher.ts";
import type { Store } from "../publishing/rabbitmq-store.ts";
import type { Journal } from "../queues/rabbitmq-journal.ts";
import type { RabbitMqClaim } from "./rabbitmq-consumption.ts";
import type { Unsettled } from "./rabbitmq-unsettled.ts";

/**
 * Ticks' worth of settlements that may be under way: acks do not wait for others' confirms, which under an alarm take as long as that. The
 * windows of our consumers bound what there is to settle.
 */
const UNDER_WAY = Number.POSITIVE_INFINITY;

export interface SettlementsOptions {
  readonly store: Store;
  readonly journal: Journal;
  /** How long a copy may await its confirm before it is sent again, in ms. */
  readonly timeoutMs: number;
  /** A copy's place, the dead letters of a queue, is missing: makes it. */
  mend(queue: string): Promise<boolean>;
}

/** For people, and for telling one stored copy from another. */
let copies = 0;
const COPIER: string = crypto.randomUUID();

/**
 * What becomes of deliveries. An ack or a release is sent, and `done` once the server has handled it. A requeue or a dead letter is first a
 * copy, stored and confirmed, and then an ack: at every instant the message is there at least once.
 */
export function settlements({ store, journal, timeoutMs, mend }: SettlementsOptions): Sender<RabbitMqClaim> {
  return new Sender<RabbitMqClaim>({
    maxUnderWay: UNDER_WAY,
    settle: async (requests) => {
      const plain: DeliveryRequest<RabbitMqClaim>[] = [];
      const copying: Promise<void>[] = [];
      for (const request of requests) {
        const { kind, delivery, claim } = request;
        const revoked = journal.isRevoked(delivery.message.id);
        if (claim.unsettled.ended) request.answer("lost");
        else if (kind === "ack" || (revoked && (kind === "requeue" || kind === "release"))) {
          claim.unsettled.ack(claim.tag);
          plain.push(request);
        } else if (kind === "release") {
          claim.unsettled.giveBack(claim.tag);
          plain.push(request);
        } else if (kind === "requeue" || kind === "deadLetter") copying.push(copied(request));
        else request.answer("done");
      }
      await Promise.all([answered(plain), ...copying]);
    },
  });

  async function copied(request: DeliveryRequest<RabbitMqClaim>): Promise<void> {
    const { claim, delivery } = request;
    const fate = await store.copy((terms) => send(request, terms), timeoutMs, claim.unsettled);
    // Unanswered requests are asked again: the queue may have room then, or the connection be back.
    if (claim.unsettled.ended) request.answer("lost");
    else if (fate === "stored") {
      claim.unsettled.ack(claim.tag);
      await answered([request]);
    } else if (fate === "returned" && !(await mend(delivery.queue))) request.answer("lost");
  }

  function send(
    request: DeliveryRequest<RabbitMqClaim>,
    terms: { deadline: number; done(fate: Fate): void },
  ): Promise<void> | void {
    const { message, queue, deliveryCount } = request.delivery;
    copies += 1;
    const copy = `${COPIER}/${copies}`;
    if (request.kind === "deadLetter") {
      const letter = {
        queue,
        reason: request.reason,
        deadAt: Date.now(),
        ...(deliveryCount === undefined ? {} : { deliveryCount }),
      };
      return store.bury(queue, envelope(message, { copy, dead: deadMark(letter) }), terms);
    }
    if (request.kind !== "requeue") return undefined;
    const next = request.headers === undefined ? message : { ...message, headers: request.headers };
    if (request.delayMs > 0) return store.delay(next, queue, Date.now() + request.delayMs, terms, { copy });
    return store.put(queue, envelope(next, { copy }), terms);
  }
}

/** Answers as each channel has handled what was sent. */
async function answered(requests: readonly DeliveryRequest<RabbitMqClaim>[]): Promise<void> {
  const channels = new Map<Unsettled, DeliveryRequest<RabbitMqClaim>[]>();
  for (const request of requests) {
    const { unsettled } = request.claim;
    const together = channels.get(unsettled);
    if (together === undefined) channels.set(unsettled, [request]);
    else together.push(request);
  }
  await Promise.all(
    [...channels].map(async ([unsettled, together]) => {
      const handled = await unsettled.handled();
      for (const request of together) request.answer(handled ? "done" : "lost");
    }),
  );
}
