import { bandsInTurn } from "@lovage/core/brokers";
import type { Channel, ConsumeMessage } from "amqplib";
import { nextStep, type Plan, planned, type Step } from "./rabbitmq-bands.ts";
import { nextChange, type Window } from "./rabbitmq-windows.ts";

/** One consumer on the channel. */
export interface Consumer extends Window {
  readonly tag: string;
  /** The server's queue. */
  readonly place: string;
  outstanding: number;
  open: boolean;
  /** Came when there was no room: decided about when it is closed. */
  readonly surplus: (() => void)[];
}

export interface ConsumersHost {
  /** How many deliveries may be unsettled; 0 while paused, or ended. */
  readonly credit: number;
  /** The server's queues, one per band, the highest first. */
  readonly places: readonly string[];
  /** `null`: the server has ended the consumer. */
  arrived(message: ConsumeMessage | null, consumer: Consumer): void;
}

/** A little room is given away within this, in ms. */
const PATIENCE_MS = 100;
/** How long one band is favoured before the others are looked at, in ms. */
const TURN_MS = 20;
/**
 * How long nothing may have been settled until no band has a claim on the next room, in ms: with tasks as long as this the few
 * round trips that it takes to look first are nothing.
 */
const PARKED_AFTER_MS = 250;

/** The consumers of one channel, whose windows together never promise more than the credit. */
export class Consumers {
  /** There are several bands, and more may come than there is room for: what does is surplus. Looked at with every message. */
  divided: boolean;
  readonly #channel: Channel;
  readonly #host: ConsumersHost;
  #consumers: Consumer[] = [];
  #arranging: Promise<void> | undefined;
  #arrangeAgain = false;
  #patient: NodeJS.Timeout | undefined;
  #names = 0;
  #closed = false;
  // Of several bands:
  #plan: Plan = { is: "parked" };
  #turn: NodeJS.Timeout | undefined;
  #turns = 1;
  #over = false;
  #idle = false;
  #arrived = 0;
  #settled = false;

  constructor(channel: Channel, host: ConsumersHost) {
    this.#channel = channel;
    this.#host = host;
    this.divided = host.places.length > 1;
  }

  /** Brings the windows to the credit, one change after the other. */
  arrange(): Promise<void> {
    this.#arrangeAgain = true;
    this.#arranging ??= this.#arrangeUntilDone();
    return this.#arranging;
  }

  settled(consumer: Consumer): void {
    consumer.outstanding -= 1;
    this.#settled = true;
    if (!consumer.open || this.divided) void this.arrange();
  }

  /** The channel has ended. */
  close(): void {
    this.#closed = true;
    this.#consumers = [];
    clearTimeout(this.#patient);
    clearTimeout(this.#turn);
  }

  /** What is asked within one turn of the event loop is done in one go. */
  async #arrangeUntilDone(): Promise<void> {
    await Promise.resolve();
    while (this.#arrangeAgain && !this.#closed) {
      this.#arrangeAgain = false;
      if (await this.#change()) this.#arrangeAgain = true;
    }
    this.#arranging = undefined;
  }

  /** Resolves with true when there may be more to change. */
  async #change(): Promise<boolean> {
    this.#consumers = this.#consumers.filter(({ open, outstanding }) => open || outstanding > 0);
    const step = this.#next(this.#patient !== undefined);
    if (step === undefined) {
      if (this.#patient !== undefined && this.#next(false) === undefined) this.#calm();
      return false;
    }
    try {
      await this.#take(step);
      return true;
    } catch {
      // The channel's end says why, and begins anew.
      return false;
    }
  }

  #next(patient: boolean): Step<Consumer> | undefined {
    const { credit, places } = this.#host;
    this.divided = places.length > 1;
    if (!this.divided) {
      const change = nextChange(this.#consumers, credit, patient);
      return change && { ...change, band: 0 };
    }
    const overfull = this.#consumers.find(({ open, surplus }) => open && surplus.length > 0);
    if (overfull !== undefined) return { do: "cancel", window: overfull, band: 0 };
    return nextStep({
      plan: this.#plan,
      bands: this.#bands,
      credit,
      patient,
      arrived: this.#arrived,
      over: this.#over,
    });
  }

  async #take(step: Step<Consumer>): Promise<void> {
    switch (step.do) {
      case "open":
        await this.#open(this.#host.places[step.band] as string, step.size);
        this.#bePatient();
        break;
      case "cancel": {
        const { window } = step;
        await this.#channel.cancel(window.tag);
        window.open = false;
        for (const decide of window.surplus.splice(0)) decide();
        break;
      }
      case "look":
        await this.#look();
        break;
      case "fill":
        this.#goOn({ is: "full" });
        break;
    }
  }

  get #bands(): readonly (readonly Consumer[])[] {
    return this.#host.places.map((name) => this.#consumers.filter(({ place }) => place === name));
  }

  async #look(): Promise<void> {
    this.#arrived = 0;
    const { places } = this.#host;
    const queues = await Promise.all(places.map((place) => this.#channel.checkQueue(place)));
    const waiting = queues.map(({ messageCount }) => messageCount);
    // Where nothing waits in any other band, it is nobody's turn.
    if (waiting.filter((count) => count > 0).length > 1) this.#turns += 1;
    this.#goOn(planned(this.#bands, waiting, this.#host.credit, bandsInTurn(this.#turns, places.length)));
  }

  /** A plan lasts for a turn; watching, and having nobody, last until something happens. */
  #goOn(plan: Plan): void {
    this.#plan = plan;
    this.#over = false;
    this.#idle = false;
    this.#nextTurn(TURN_MS);
  }

  #nextTurn(ms: number): void {
    this.#settled = false;
    clearTimeout(this.#turn);
    if (this.#closed || this.#plan.is === "watching" || this.#plan.is === "parked") return;
    this.#turn = setTimeout(() => this.#turnEnded(), ms);
  }

  /** The next room is looked at anew. When all is full and nothing moves, it will be a while until there is some. */
  #turnEnded(): void {
    this.#over = true;
    const owned = this.#consumers.reduce((sum, { outstanding }) => sum + outstanding, 0);
    const rests = !this.#settled && owned >= this.#host.credit;
    if (rests && this.#idle) this.#goOn({ is: "parked" });
    else {
      this.#idle = rests;
      this.#nextTurn(rests ? PARKED_AFTER_MS : TURN_MS);
    }
    void this.arrange();
  }

  /** For a while a little more room opens no further consumer: with long tasks it comes one by one. */
  #bePatient(): void {
    this.#patient ??= setTimeout(() => {
      this.#patient = undefined;
      void this.arrange();
    }, PATIENCE_MS);
  }

  #calm(): void {
    clearTimeout(this.#patient);
    this.#patient = undefined;
  }

  async #open(place: string, size: number): Promise<void> {
    this.#names += 1;
    const consumer: Consumer = { tag: `${this.#names}`, place, size, outstanding: 0, open: true, surplus: [] };
    // Asked in one turn, so that no other question comes between: the window of a consumer is the prefetch set last.
    const sized = this.#channel.prefetch(size);
    const begun = this.#channel.consume(place, (message) => this.#came(message, consumer), {
      consumerTag: consumer.tag,
    });
    this.#consumers.push(consumer);
    await Promise.all([sized, begun]);
  }

  #came(message: ConsumeMessage | null, consumer: Consumer): void {
    if (message !== null) {
      consumer.outstanding += 1;
      this.#arrived += 1;
      if (this.divided) void this.arrange();
    }
    this.#host.arrived(message, consumer);
  }
}
