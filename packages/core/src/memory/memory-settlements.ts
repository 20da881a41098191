import type { DeliveryRequest, RequestSink } from "../brokers/index.ts";
import type { Entry } from "./entry.ts";
import type { MemoryServer } from "./memory-server.ts";

/**
 * Carries out what a delivery asks within the call, so that nothing gathers and nothing is sent. Fenced by {@link Entry.holder}: whoever is
 * not the holder is answered `lost`, and changes nothing.
 */
export class MemorySettlements implements RequestSink<Entry> {
  readonly #server: MemoryServer;

  constructor(server: MemoryServer) {
    this.#server = server;
  }

  ask(request: DeliveryRequest<Entry>): void {
    request.leaves();
    const { claim: entry, delivery } = request;
    const ours = entry.holder === delivery;
    if (ours) this.#carryOut(request);
    request.answer(ours ? "done" : "lost");
  }

  /** Nothing is ever on its way. */
  close(): void {}

  #carryOut(request: DeliveryRequest<Entry>): void {
    const { claim: entry, delivery } = request;
    const queue = this.#server.queue(delivery.queue);
    if (request.kind === "ack") queue.ack(entry);
    else if (request.kind === "requeue") queue.requeue(entry, request.delayMs, request.headers);
    else if (request.kind === "deadLetter") queue.deadLetter(entry, request.reason);
    else if (request.kind === "renew") queue.renew(entry);
    else if (request.kind === "markStarted") entry.starts += 1;
    else if (request.kind === "release") {
      // Unblamed: a run that had begun does not count.
      entry.starts = delivery.startsBefore ?? 0;
      queue.giveBack(entry);
    }
  }
}
