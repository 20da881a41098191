import { bandsInTurn } from "@lovage/core/brokers";
import type { NatsLink } from "../connection/nats-link.ts";
import type { NatsMessage, NatsSubscription } from "../connection/nats-port.ts";
import type { Layout } from "../queues/nats-layout.ts";
import type { Streams } from "../queues/nats-streams.ts";
import type { Source } from "./nats-source.ts";

export interface SweepsOptions {
  readonly stream: string;
  readonly layout: Layout;
  readonly queue: string;
  readonly bands: number;
  /** `askedAt`: it was not sent before, by our wall clock. */
  readonly onMessage: (message: NatsMessage, askedAt: number) => void;
  readonly onTrouble: (reason: string) => void;
}

const ANSWER_MS = 5_000;
/** While others hold messages: a lease that lapses is announced by nobody. */
const LAPSE_LOOK_MS = 1_000;
/** A server says that it has stored a message, and may tell its consumers of it a moment later; or another has it already. */
const TOLD_LOOK_MS = 100;

/**
 * Several consumers, one per band of priorities: what is wanted is asked of one after the other, highest first, each answering at once with
 * what it has. So no more is ever asked than is wanted, even when that is one. When all are empty it waits for the server's word that a
 * message was stored.
 */
export class Sweeps implements Source {
  readonly #link: NatsLink;
  readonly #streams: Streams;
  readonly #options: SweepsOptions;
  #wanted = 0;
  #sweeping: Promise<void> | undefined;
  #wake: NatsSubscription | undefined;
  #look: NodeJS.Timeout | undefined;
  #turn = 0;
  /** A message was announced, and none has come since. */
  #told = false;
  /** Of the pull under way: its answer will not come. */
  #endPull: (() => void) | undefined;

  constructor(link: NatsLink, streams: Streams, options: SweepsOptions) {
    this.#link = link;
    this.#streams = streams;
    this.#options = options;
  }

  get outstanding(): number {
    return this.#wanted;
  }

  ask(count: number): void {
    this.#wanted += count;
    // One that waits has looked: it is not woken by more being wanted.
    if (this.#wake === undefined) this.#begin();
  }

  callOff(): Promise<void> {
    this.#wanted = 0;
    this.#awake();
    return this.#sweeping ?? Promise.resolve();
  }

  forget(): void {
    this.#wanted = 0;
    this.#awake();
    this.#endPull?.();
  }

  #begin(): void {
    this.#sweeping ??= this.#sweep()
      .catch((error: unknown) => {
        this.#wanted = 0;
        this.#awake();
        this.#options.onTrouble(error instanceof Error ? error.message : String(error));
      })
      .finally(() => {
        this.#sweeping = undefined;
        if (this.#wanted > 0 && this.#wake === undefined && this.#link.connected) this.#begin();
      });
  }

  async #sweep(): Promise<void> {
    let empty = 0;
    while (this.#wanted > 0 && this.#link.connected) {
      this.#turn += 1;
      let arrived = 0;
      for (const band of bandsInTurn(this.#turn, this.#options.bands)) {
        if (this.#wanted > 0) arrived += await this.#pull(band);
      }
      empty = arrived > 0 ? 0 : empty + 1;
      if (arrived > 0) this.#told = false;
      if (this.#wanted === 0 || empty === 0) continue;
      // Listens before it looks for the last time: the server takes both in this order.
      if (empty === 1) this.#listen();
      else return void (await this.#watchLapses());
      if (this.#wake === undefined) empty = 0;
    }
    this.#awake();
  }

  #listen(): void {
    const { layout, queue } = this.#options;
    this.#wake ??= this.#link.hear(layout.wake(queue, ">"), () => {
      this.#told = true;
      this.#awake();
      if (this.#wanted > 0) this.#begin();
    });
  }

  #awake(): void {
    this.#wake?.unsubscribe();
    this.#wake = undefined;
    clearTimeout(this.#look);
  }

  async #watchLapses(): Promise<void> {
    const { stream, layout, bands } = this.#options;
    const asked = Array.from({ length: bands }, (_, band) => this.#streams.consumer(stream, layout.consumer(band)));
    const infos = await Promise.all(asked);
    if (infos.includes(undefined)) throw new Error("a consumer is gone");
    const waiting = infos.some((info) => (info?.num_pending ?? 0) > 0);
    const held = infos.some((info) => (info?.num_ack_pending ?? 0) > 0);
    if (this.#wake === undefined) return;
    clearTimeout(this.#look);
    const told = this.#told;
    this.#told = false;
    if (!waiting && !held && !told) return;
    this.#look = setTimeout(
      () => {
        this.#awake();
        if (this.#wanted > 0) this.#begin();
      },
      waiting ? 0 : told ? TOLD_LOOK_MS : LAPSE_LOOK_MS * (0.75 + Math.random() / 4),
    ).unref();
  }

  /** What one band has now, at most what is wanted. Resolves with how many came. */
  #pull(band: number): Promise<number> {
    const { stream, layout, onMessage } = this.#options;
    const batch = this.#wanted;
    const askedAt = Date.now();
    return new Promise((resolve, reject) => {
      let arrived = 0;
      const reply = this.#link.inbox();
      const end = (failure?: string): void => {
        clearTimeout(late);
        heard.unsubscribe();
        this.#endPull = undefined;
        if (failure === undefined) resolve(arrived);
        else reject(new Error(failure));
      };
      const late = setTimeout(() => end("silence"), ANSWER_MS);
      const heard = this.#link.hear(reply, (message) => {
        const code = message.headers?.code ?? 0;
        if (message.reply && code === 0) {
          arrived += 1;
          this.#wanted = Math.max(0, this.#wanted - 1);
          onMessage(message, askedAt);
          if (arrived === batch) end();
        } else if (code === 404 || code === 408) end();
        else if (code >= 400) end(`${code} ${message.headers?.description ?? ""}`);
      });
      this.#endPull = end;
      const place = `${this.#link.apiPrefix}.CONSUMER.MSG.NEXT.${stream}.${layout.consumer(band)}`;
      this.#link.say(place, JSON.stringify({ batch, no_wait: true }), undefined, reply);
    });
  }
}
