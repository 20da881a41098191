import { type BrokerHost, type ConsumptionTerms, type Feed, HeldConsumption, LeaseWatch } from "@lovage/core/brokers";
import type { Done } from "../aftermath/nats-done.ts";
import { Remains } from "../aftermath/nats-remains.ts";
import type { NatsLink } from "../connection/nats-link.ts";
import type { NatsMessage } from "../connection/nats-port.ts";
import type { Features } from "../nats-versions.ts";
import { decode } from "../publishing/nats-envelope.ts";
import type { Layout } from "../queues/nats-layout.ts";
import type { KnownQueue, Queues } from "../queues/nats-queues.ts";
import type { Revocations } from "../queues/nats-revocations.ts";
import type { Streams } from "../queues/nats-streams.ts";
import { ackFacts } from "./nats-acks.ts";
import type { DeadPulls } from "./nats-dead-pulls.ts";
import { Pulls } from "./nats-pulls.ts";
import { Repeats } from "./nats-repeats.ts";
import type { NatsClaim } from "./nats-settlements.ts";
import type { Source } from "./nats-source.ts";
import { Standstill } from "./nats-standstill.ts";
import { Sweeps } from "./nats-sweeps.ts";

export interface FeedContext {
  readonly host: BrokerHost;
  readonly link: NatsLink;
  readonly layout: Layout;
  readonly streams: Streams;
  readonly queues: Queues;
  readonly revocations: Revocations;
  readonly features: Features;
  readonly deadPulls: DeadPulls;
  readonly done: Done;
  readonly ended: (feed: NatsFeed) => void;
}

const FIRST_REPAIR_MS = 50;
const MOST_REPAIR_MS = 2_000;
/** How well it is known when something was sent, at most and as a share of the lease: what is not known is taken off the lease. */
const PROVEN_MS = 1_000;
const PROVEN_SHARE = 0.1;
/** Of a lease: with less it is not begun, for the renewal might come too late. */
const LEAST_LEFT = 0.3;
/** A server that was restarted may hand out what was given back for later up to half a second early. */
const MOST_EARLY_MS = 5_000;

/**
 * What pulls for one consumption. While that is open it is one of: pulling, paused (the queue is), cut (no connection), or mending (something
 * of the queue is gone on the server, and is made again).
 */
export class NatsFeed implements Feed {
  readonly consumption: HeldConsumption<NatsClaim>;
  readonly #context: FeedContext;
  readonly #leases: LeaseWatch<NatsClaim>;
  readonly #repeats: Repeats | undefined;
  readonly #remains: Remains | undefined;
  readonly #standstill: Standstill;
  readonly #source: Source;
  readonly #leave: readonly (() => void)[];
  #known: KnownQueue;
  #scheduled = false;
  #mending = false;
  #callingOff = false;
  #handingOver = false;
  #serverId: string | undefined;
  #proving: NodeJS.Timeout | undefined;

  constructor(terms: ConsumptionTerms<NatsClaim>, known: KnownQueue, context: FeedContext) {
    const { link, queues } = context;
    this.#context = context;
    this.#known = known;
    this.consumption = new HeldConsumption(terms, this);
    this.consumption.leaseMs = known.settings.leaseMs;
    this.#leases = new LeaseWatch(this.consumption);
    this.#source = this.#newSource();
    this.#repeats = context.features.stepsBack ? new Repeats() : undefined;
    this.#remains = this.#newRemains();
    this.#standstill = this.#newStandstill();
    this.#serverId = link.connection.info?.server_id;
    this.#leave = [
      queues.onChange((queue, now) => queue === known.name && this.#changed(now)),
      link.onDown(() => this.#source.forget()),
      link.onUp(() => this.#reconnected()),
    ];
    this.#keepProven();
    this.roomChanged();
  }

  roomChanged(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#fill();
    });
  }

  async end(): Promise<void> {
    for (const leave of this.#leave) leave();
    clearTimeout(this.#proving);
    this.#remains?.end();
    this.#context.ended(this);
    await this.#source.callOff();
  }

  #newSource(): Source {
    const { link, layout, streams, deadPulls } = this.#context;
    const { name, settings } = this.#known;
    const stream = layout.readyStream(name);
    const consumer = layout.consumer(0);
    const onMessage = (message: NatsMessage, askedAt: number): void => this.#arrived(message, askedAt);
    const onTrouble = (reason: string): void => void this.#mend(reason);
    if (settings.bands > 1) {
      return new Sweeps(link, streams, { stream, layout, queue: name, bands: settings.bands, onMessage, onTrouble });
    }
    return new Pulls(link, {
      stream,
      consumer,
      deadPulls,
      leaseMs: () => this.#known.settings.leaseMs,
      onMessage,
      onHeartbeat: (given) => this.#repeats?.given(consumer, given),
      onTrouble,
      onIdle: () => {
        this.roomChanged();
        void this.#standstill.look();
      },
    });
  }

  #newStandstill(): Standstill {
    const { streams, layout } = this.#context;
    return new Standstill({
      streams,
      stream: layout.readyStream(this.#known.name),
      consumer: layout.consumer(0),
      waits: () => this.consumption.open && !this.#mending && !this.#callingOff && this.#source.outstanding > 0,
      onStandstill: () => {
        this.#callOff();
        this.#restarted("the server had messages and sent none");
      },
    });
  }

  #newRemains(): Remains | undefined {
    const { features, layout, streams } = this.#context;
    const { name } = this.#known;
    if (!features.forgetsRemovals) return undefined;
    const subjectOf = (consumer: string): string => layout.ready(name, layout.band(consumer));
    return new Remains({ streams, stream: layout.readyStream(name), subjectOf });
  }

  /** Asks for what there is room for; small remainders wait until they are a quarter of the credit. */
  #fill(): void {
    const { open, room, credit } = this.consumption;
    if (!open || this.#mending || this.#callingOff || this.#known.settings.paused || !this.#context.link.connected)
      return;
    const { outstanding } = this.#source;
    if (outstanding > room) {
      this.#callOff();
      return;
    }
    const free = room - outstanding;
    if (free > 0 && (outstanding === 0 || free >= credit / 4)) this.#source.ask(free);
  }

  /** Asks for nothing more until all that was asked for has come, or cannot come any more. */
  #callOff(): void {
    this.#callingOff = true;
    void this.#source.callOff().then(() => {
      this.#callingOff = false;
      this.roomChanged();
    });
  }

  #arrived({ data, headers, reply = "" }: NatsMessage, askedAt: number): void {
    const {
      consumption,
      consumption: { open, room },
    } = this;
    const facts = ackFacts(reply);
    const { deliveryCount, seq } = facts;
    this.#standstill.arrived();
    if (this.#repeats?.isOne(facts) === true) {
      this.roomChanged();
      return;
    }
    if (deliveryCount === 1) this.#remains?.passed(facts);
    const { message, dueAt = 0, handedOver = 0 } = decode(data, headers, `${this.#known.name}:${seq}`);
    if (this.#context.revocations.has(message.id)) {
      this.#context.link.ask(reply, "+ACK", undefined, () => this.roomChanged());
      return;
    }
    const now = Date.now();
    const { leaseMs, paused } = this.#known.settings;
    const leaseExpiresAt = Math.min(now, Math.max(askedAt, this.#context.link.freshness.provenAt)) + leaseMs;
    if (leaseExpiresAt - now < leaseMs * LEAST_LEFT) {
      // Somebody else has it, or will. What comes after this answer is younger.
      this.#context.link.freshness.prove(0);
      this.#context.host.events.ownershipLost(this.#known.name, message.id);
      this.roomChanged();
      return;
    }
    const early = dueAt - now;
    if (early > 0 && early < MOST_EARLY_MS) {
      this.#giveBack(reply, early);
      return;
    }
    if (!open || room === 0 || paused) {
      this.#giveBack(reply);
      return;
    }
    consumption.take({ message, claim: { reply, seq }, deliveryCount: deliveryCount + handedOver, leaseExpiresAt });
    this.#leases.from(leaseExpiresAt);
    this.#handOverSoon();
  }

  /** Once all that came in one read has been taken. */
  #handOverSoon(): void {
    if (this.#handingOver) return;
    this.#handingOver = true;
    queueMicrotask(() => {
      this.#handingOver = false;
      this.consumption.handOver();
    });
  }

  /** It came after it was wanted, or too early: others may have it, at once or then. */
  #giveBack(reply: string, delayMs = 0): void {
    const word = delayMs > 0 ? `-NAK ${JSON.stringify({ delay: Math.ceil(delayMs) * 1_000_000 })}` : "-NAK";
    this.#context.deadPulls.drop(ackFacts(reply));
    this.#context.link.ask(reply, word, undefined, () => this.roomChanged());
  }

  /** While something may come, it is to be known when. */
  #keepProven(): void {
    const withinMs = Math.min(PROVEN_MS, this.#known.settings.leaseMs * PROVEN_SHARE);
    this.#proving = setTimeout(() => {
      const { connected, freshness } = this.#context.link;
      if (connected && this.#source.outstanding > 0) freshness.prove(withinMs);
      this.#keepProven();
    }, withinMs).unref();
  }

  #reconnected(): void {
    const serverId = this.#context.link.connection.info?.server_id;
    this.#standstill.doubtSoon();
    if (serverId !== this.#serverId) {
      this.#repeats?.forget();
      this.#remains?.serverChanged();
    }
    this.#serverId = serverId;
    void this.#mend("the connection was lost");
  }

  #changed(now: KnownQueue | undefined): void {
    if (now === undefined) {
      this.consumption.queueLost();
      return;
    }
    const { made } = this.#known.settings;
    this.#known = now;
    this.consumption.leaseMs = now.settings.leaseMs;
    // Another stream: its messages have the numbers of those of before.
    if (made !== "" && made !== now.settings.made) this.consumption.loseAll();
    if (now.settings.paused) this.#callOff();
    else this.roomChanged();
  }

  /** Makes sure that the queue and its parts are there, and begins anew. */
  async #mend(reason: string): Promise<void> {
    if (this.#mending) return;
    this.#mending = true;
    for (
      let wait = FIRST_REPAIR_MS;
      this.consumption.open && this.#context.link.connected;
      wait = Math.min(MOST_REPAIR_MS, wait * 2)
    ) {
      const exists = await this.#repaired().catch(() => undefined);
      if (exists === false) {
        this.consumption.queueLost();
        break;
      }
      if (exists) {
        this.#mending = false;
        if (this.consumption.open) this.#restarted(reason);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, wait * (0.5 + Math.random() / 2)));
    }
    this.#mending = false;
  }

  async #repaired(): Promise<boolean> {
    const { queues, done } = this.#context;
    const exists = await queues.repair(this.#known.name);
    if (exists) await done.removeAgain(this.#known.name);
    return exists;
  }

  #restarted(reason: string): void {
    this.#context.host.events.emit({ type: "consumption-restarted", queue: this.#known.name, reason });
    this.roomChanged();
  }
}
