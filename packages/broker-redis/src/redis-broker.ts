import { randomUUID } from "node:crypto";
import {
  atMost,
  type BrokerHost,
  type BrokerRuntime,
  type ConsumptionTerms,
  createBroker,
  type DeliveryRequest,
  type HeldConsumption,
  type RequestSink,
} from "@lovage/core/brokers";
import {
  type Broker,
  type BrokerCapabilities,
  ConfigurationError,
  type ControlChannel,
  type Diagnosis,
  isLovageError,
  type LovageError,
  type OutgoingMessage,
  type PublishOutcome,
  QueueNotFoundError,
} from "@lovage/core/contracts";
import { RedisAdmin } from "./redis-admin.ts";
import { redisCapabilities } from "./redis-capabilities.ts";
import { RedisFeed } from "./redis-consumption.ts";
import { RedisControl } from "./redis-control.ts";
import { errorOf } from "./redis-errors.ts";
import type { RedisLink } from "./redis-link.ts";
import { atLeast, DEFAULT_MAX_MESSAGE_BYTES, type RedisBrokerOptions } from "./redis-options.ts";
import { RedisPublisher } from "./redis-publisher.ts";
import { findings } from "./redis-server.ts";
import { RedisSession } from "./redis-session.ts";
import { QueueTurns, type RedisClaim, type TurnsHost } from "./redis-turns.ts";
import { WakeUps } from "./redis-wake-ups.ts";
import { BEGIN } from "./scripts/queues.ts";

const LAST_WORDS_MS = 1_500;

/** One worker's or producer's way to the server. */
class RedisRuntime implements BrokerRuntime<RedisClaim>, TurnsHost {
  readonly name = "redis";
  readonly address: string;
  readonly operationTimeoutMs: number;
  readonly control: ControlChannel;
  readonly admin: RedisAdmin;
  readonly session: string = randomUUID().slice(0, 13);
  readonly #host: BrokerHost;
  readonly #server: RedisSession;
  readonly #publisher: RedisPublisher;
  readonly #wakeUps: WakeUps;
  readonly #turns = new Map<string, QueueTurns>();
  readonly #publishLinks = new Map<string, RedisLink>();
  readonly #maxMessageBytes: number;
  #capabilities: BrokerCapabilities | undefined;
  #isDown = false;

  constructor(options: RedisBrokerOptions, host: BrokerHost) {
    const {
      maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES,
      durability = "default",
      replicas = 1,
      now = Date.now,
    } = options;
    this.#maxMessageBytes = atLeast(maxMessageBytes, 1, "maxMessageBytes");
    if (durability !== "default" && durability !== "replicated") {
      throw new ConfigurationError(`durability is "${durability}"; it is default or replicated`);
    }
    const copies = durability === "replicated" ? atLeast(replicas, 1, "replicas") : 0;
    this.#host = host;
    const server = new RedisSession(options, {
      onUp: () => this.#up(),
      onDown: (error) => this.#down(error),
    });
    this.#server = server;
    this.address = server.address;
    this.operationTimeoutMs = server.operationTimeoutMs + 250;
    this.admin = new RedisAdmin(server, server.layout);
    const runtime = this;
    this.#publisher = new RedisPublisher({
      layout: server.layout,
      get limits() {
        return runtime.#capabilities as BrokerCapabilities;
      },
      operationTimeoutMs: server.operationTimeoutMs,
      replicas: copies,
      linkFor: (queue) => (copies === 0 ? server.link : this.#publishLink(queue)),
      now,
    });
    this.#wakeUps = new WakeUps({
      address: server.address,
      layout: server.layout,
      commands: server.link,
      open: (key, signal) => server.open("blocking", server.isCluster ? key : undefined, signal),
      oneForAll: !server.isCluster,
    });
    this.control = new RedisControl(server);
  }

  /** Each to its queue. */
  readonly requests: RequestSink<RedisClaim> = {
    ask: (request: DeliveryRequest<RedisClaim>) => this.#turnsOf(request.delivery.queue).ask(request),
    close: async (ms: number) => {
      await atMost(Promise.all([...this.#turns.values()].map((turns) => turns.settled())), ms);
      for (const turns of this.#turns.values()) turns.close();
    },
  };

  get link(): RedisLink {
    return this.#server.link;
  }

  async open(signal: AbortSignal): Promise<BrokerCapabilities> {
    const facts = await this.#server.begin(signal);
    this.#capabilities = redisCapabilities(facts, this.#maxMessageBytes);
    for (const { level, check, finding, advice } of findings(facts)) {
      if (level === "ok") continue;
      const message = advice === undefined ? finding : `${finding}; ${advice}`;
      this.#host.events.emit({
        type: "warning",
        code: `REDIS_${check.toUpperCase().replaceAll(/\W+/g, "_")}`,
        message,
      });
    }
    return this.#capabilities;
  }

  publish(messages: readonly OutgoingMessage[]): Promise<readonly PublishOutcome[]> {
    return this.#publisher.publish(messages);
  }

  async consume(terms: ConsumptionTerms<RedisClaim>): Promise<HeldConsumption<RedisClaim>> {
    const leaseMs = (await this.#server.run(BEGIN, terms.queue, [])) as number | null;
    if (leaseMs === null) throw new QueueNotFoundError(terms.queue);
    return new RedisFeed(terms, this.#turnsOf(terms.queue)).consumption;
  }

  async diagnose(): Promise<readonly Diagnosis[]> {
    return findings(await this.#server.facts());
  }

  errorOf(error: unknown): LovageError {
    return isLovageError(error) ? error : errorOf(error, this.address);
  }

  async close(): Promise<void> {
    await atMost(this.#publisher.settled(), LAST_WORDS_MS);
    this.#wakeUps.close();
    if (this.link.connection !== undefined) await atMost(this.#endSessions(), LAST_WORDS_MS / 2);
    for (const link of this.#publishLinks.values()) link.close();
    this.link.close();
  }

  // As the host of turns.

  interestChanged(turns: QueueTurns): void {
    this.#wakeUps.changed(turns);
  }

  trouble(error: unknown): void {
    this.#host.trouble(error);
  }

  /** Perhaps the sign was on its way. If not, whatever waits for signs is deaf. */
  missed(turns: QueueTurns): void {
    void this.#wakeUps.prove(turns).then((replaced) => {
      const reason = "messages were ready and no sign of them came: the connection that waits for signs was replaced";
      if (replaced) this.#host.events.emit({ type: "consumption-restarted", queue: turns.queue, reason });
    });
  }

  #turnsOf(queue: string): QueueTurns {
    let turns = this.#turns.get(queue);
    if (turns === undefined) {
      turns = new QueueTurns(queue, this.#server.layout.queue(queue), this);
      this.#turns.set(queue, turns);
    }
    return turns;
  }

  /** WAIT is about what its own connection has written, and holds it up. In a cluster it must be on the queue's node. */
  #publishLink(queue: string): RedisLink {
    const place = this.#server.isCluster ? queue : "";
    let link = this.#publishLinks.get(place);
    if (link === undefined) {
      const key = this.#server.isCluster ? this.#server.layout.queue(queue).queue : undefined;
      link = this.#server.newLink("commands", key);
      this.#publishLinks.set(place, link);
    }
    return link;
  }

  #up(): void {
    if (!this.#isDown) return;
    this.#isDown = false;
    this.#host.events.emit({ type: "connected" });
    // Signs may have passed unseen.
    for (const turns of this.#turns.values()) turns.rouse();
  }

  #down(error: Error): void {
    if (this.#isDown || this.#capabilities === undefined) return;
    this.#isDown = true;
    this.#host.events.emit({ type: "disconnected", error: this.errorOf(error) });
  }

  async #endSessions(): Promise<void> {
    const used = [...this.#turns.values()].filter((turns) => turns.used);
    await Promise.all(used.map(({ keys }) => this.link.call("hdel", [keys.sessions, this.session]).catch(() => {})));
  }
}

/**
 * Redis as a broker: one server, Sentinels or a cluster. A string is a URL. Throws `ConfigurationError` for options that cannot work; what is
 * wrong with the server shows at `connect()`.
 */
export function redisBroker(options: RedisBrokerOptions | string): Broker {
  const given: RedisBrokerOptions = typeof options === "string" ? { url: options } : options;
  return createBroker((host) => new RedisRuntime(given, host));
}
